"""
Calendly: `Calendly-Webhook-Signature` is `t=SECONDS,v1=HEX`, the HMAC-SHA-256 of the seconds, a dot and the raw body.

Facts from https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures. A booking's own id is
its `uri`, Calendly's canonical reference; that of the new booking, where an old one was moved.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import Answer, Delivery, Key, Message, Platform, SignatureRefused
from router.adapters.sources.payload import event_id, items, loads, mapping, text

_SIGNED = re.compile(r"t=([0-9]{1,14}),v1=([0-9a-f]{64})")
_SUBMISSIONS = frozenset({"invitee.created", "routing_form_submission.created"})
_OWN = ("email", "name", "first_name", "last_name", "timezone")


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Calendly did not sign, or signed too long ago."""
    parts = _SIGNED.fullmatch(signing.header(delivery.headers, "Calendly-Webhook-Signature"))
    if parts is None:
        raise SignatureRefused("the signature is not of the form t=…,v1=…")
    timestamp, given = parts.groups()
    signing.fresh(timestamp, delivery.received_at)
    signing.match(given, [signing.mac(key.secret, timestamp.encode() + b"." + delivery.body).hex()])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the booking or the routing form; its answers are named by their questions."""
    payload = mapping(loads(delivery.body))
    if text(payload.get("event")) not in _SUBMISSIONS:
        return []
    invitee = mapping(payload.get("payload"))
    answers = {
        text(one.get("question")): Answer(one.get("answer")) for one in items(invitee.get("questions_and_answers"))
    }
    contact: dict[str, object] = {name: value for name in _OWN if (value := text(invitee.get(name)))}
    contact["phone"] = text(invitee.get("text_reminder_number"))
    for name, tracked in mapping(invitee.get("tracking")).items():
        if name.startswith("utm_"):
            contact[f"utm.{name.removeprefix('utm_')}"] = text(tracked)
    at = invitee.get("created_at") or payload.get("created_at")
    return [Message(event_id(invitee.get("uri"), delivery.body), payload, answers, contact, at)]


PLATFORM = Platform(verify, read)
