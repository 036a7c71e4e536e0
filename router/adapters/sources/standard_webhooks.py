"""
Standard Webhooks (Svix and others): `webhook-signature` holds `v1,` and base64, one or several, apart by a blank.

Each is the HMAC-SHA-256 of `webhook-id`, `webhook-timestamp` in seconds and the raw body, with dots between;
Svix names the headers `svix-…`. Facts from https://github.com/standard-webhooks/standard-webhooks.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from router.adapters.sources import signing
from router.adapters.sources.delivery import Delivery, Key, KeyUnusable, Message, Platform, SignatureRefused
from router.adapters.sources.generic import answers_in, whole_in
from router.adapters.sources.payload import event_id, loads, mapping

_MOST_SIGNATURES = 16
"""A sender that changes its secret signs with the old and the new one for a while; nobody has so many."""


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what was not signed, or too long ago."""
    identity, timestamp, given = (
        signing.header(delivery.headers, f"{_prefix(delivery)}-{name}") for name in ("id", "timestamp", "signature")
    )
    signing.fresh(timestamp, delivery.received_at)
    try:
        signer = Webhook(key.secret)
    except (binascii.Error, ValueError, EmptyWebhookSecretError):
        raise KeyUnusable("the secret is no base64, as in whsec_MfKQ…") from None
    try:
        expected = signer.sign(identity, datetime.fromtimestamp(int(timestamp), UTC), delivery.body.decode())
    except UnicodeError:
        raise SignatureRefused("the body is no text") from None
    if timestamp != str(int(timestamp)):  # what is signed is the number, not how it was written
        raise SignatureRefused("the time of the signature is no plain number")
    _match_one(given.split(" ")[:_MOST_SIGNATURES], expected)


def read(delivery: Delivery) -> Sequence[Message]:
    """Return what the message is about, its `data`; it is a submission where there is an address in it."""
    payload = mapping(loads(delivery.body))
    data = mapping(payload.get("data")) or payload
    if not data:
        return []
    identity = event_id(delivery.headers.get(f"{_prefix(delivery)}-id"), delivery.body)
    at = data.get("submitted_at") or payload.get("timestamp")
    return [Message(identity, payload, answers_in(data), whole_in(data), at, surely=False)]


def _prefix(delivery: Delivery) -> str:
    return "svix" if "svix-id" in delivery.headers else "webhook"


def _match_one(given: Sequence[str], expected: str) -> None:
    refused = 0
    for one in given:
        try:
            signing.match(one, [expected])
        except SignatureRefused:
            refused += 1
    if refused == len(given):
        raise SignatureRefused("the signature is wrong")


PLATFORM = Platform(verify, read)
