"""
Tally: `Tally-Signature` is base64 of the HMAC-SHA-256 of the raw body; no time is signed.

Facts from https://tally.so/help/webhooks. A choice arrives as a list of ids beside its options.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import JSON, Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import event_id, items, loads, mapping, text

_KINDS = {"INPUT_EMAIL": "email", "INPUT_PHONE_NUMBER": "phone"}


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Tally did not sign."""
    given = signing.header(delivery.headers, "Tally-Signature")
    signing.match(given, [signing.base64_of(signing.mac(key.secret, delivery.body))])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the response of a `FORM_RESPONSE`."""
    payload = mapping(loads(delivery.body))
    if payload.get("eventType") != "FORM_RESPONSE":
        return []
    data = mapping(payload.get("data"))
    answers = {
        text(one.get("key")): Answer(_value(one), text(one.get("label")), _KINDS.get(text(one.get("type")), ""))
        for one in items(data.get("fields"))
    }
    at = data.get("createdAt") or payload.get("createdAt")
    return [Message(event_id(payload.get("eventId"), delivery.body), payload, answers, {}, at)]


def _value(field: JSON) -> object:
    value = field.get("value")
    labels = {text(option.get("id")): text(option.get("text")) for option in items(field.get("options"))}
    if isinstance(value, list):
        chosen = [labels.get(one, one) if isinstance(one, str) else one for one in value]
        return chosen[0] if len(chosen) == 1 else chosen
    return labels.get(value, value) if isinstance(value, str) else value


PLATFORM = Platform(verify, read)
