"""
Typeform: `Typeform-Signature` is `sha256=` and base64 of the HMAC-SHA-256 of the raw body; no time is signed.

Facts from https://www.typeform.com/developers/webhooks/secure-your-webhooks/ and its example payload.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import JSON, Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import event_id, items, loads, mapping, text

_KINDS = {"email": "email", "phone_number": "phone"}


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Typeform did not sign."""
    given = signing.header(delivery.headers, "Typeform-Signature")
    signing.match(given, [f"sha256={signing.base64_of(signing.mac(key.secret, delivery.body))}"])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the response of a `form_response`; partial responses and others are no submissions."""
    payload = mapping(loads(delivery.body))
    if payload.get("event_type") != "form_response":
        return []
    response = mapping(payload.get("form_response"))
    titles = {
        text(one.get("id")): text(one.get("title")) for one in items(mapping(response.get("definition")).get("fields"))
    }
    answers: dict[str, Answer] = {}
    for one in items(response.get("answers")):
        asked = mapping(one.get("field"))
        identity = text(asked.get("id"))
        name = text(asked.get("ref")) or identity
        kind = text(one.get("type"))
        answers[name] = Answer(_value(one, kind), titles.get(identity, ""), _KINDS.get(kind, ""))
    for name, value in mapping(response.get("hidden")).items():
        answers.setdefault(name, Answer(value))
    return [
        Message(event_id(payload.get("event_id"), delivery.body), payload, answers, {}, response.get("submitted_at"))
    ]


def _value(answer: JSON, kind: str) -> object:
    value = answer.get(kind)
    if kind == "choice":
        chosen = mapping(value)
        return chosen.get("label") or chosen.get("other")
    if kind == "choices":
        chosen = mapping(value)
        labels = chosen.get("labels")
        return [*(labels if isinstance(labels, list) else []), *filter(None, [chosen.get("other")])]
    return value


PLATFORM = Platform(verify, read)
