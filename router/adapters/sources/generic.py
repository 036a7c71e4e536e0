"""
Any sender that signs the raw body with a shared secret: an HMAC in a header that the configuration names.

`header` (default `X-Signature`) holds hex or base64, with the name of the algorithm before an `=` or without.
With `timestamp_header` the seconds since 1970 in it are signed too, before the body and a dot, and must be recent.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import JSON, Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import event_id, loads, mapping

HEADER = "X-Signature"
ALGORITHM = "sha256"
_IDS = ("submission_id", "event_id", "id")
_TIMES = ("submitted_at", "created_at")
_WHOLE = ("consent", "test")


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what was not signed with the secret, or too long ago where a time is signed."""
    given = signing.header(delivery.headers, key.header or HEADER)
    algorithm = key.algorithm or ALGORITHM
    signed = delivery.body
    if key.timestamp_header is not None:
        timestamp = signing.header(delivery.headers, key.timestamp_header)
        signing.fresh(timestamp, delivery.received_at)
        signed = timestamp.encode() + b"." + signed
    value = signing.mac(key.secret, signed, algorithm)
    written = (value.hex(), signing.base64_of(value))
    signing.match(given, [*written, *(f"{algorithm}={one}" for one in written)])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the object in the body: what is plain in it are its answers."""
    payload = loads(delivery.body)
    if not isinstance(payload, dict):
        return []
    identity = next((payload[name] for name in _IDS if payload.get(name)), None)
    at = next((payload[name] for name in _TIMES if payload.get(name)), None)
    return [Message(event_id(identity, delivery.body), payload, answers_in(payload), whole_in(payload), at)]


def answers_in(payload: JSON) -> dict[str, Answer]:
    """Return what is text, a number, a truth or a list of them, and what `fields` and `answers` hold of it."""
    held = {**mapping(payload.get("fields")), **mapping(payload.get("answers"))}
    out = {name: Answer(value) for name, value in held.items()}
    reserved = {*_IDS, *_TIMES, *_WHOLE, "form"}
    for name, value in payload.items():
        if name not in reserved and not isinstance(value, dict):
            out.setdefault(name, Answer(value))
    return out


def whole_in(payload: JSON) -> JSON:
    """Return what stands in *payload* as `form.submitted.v1` has it, besides answers."""
    utm = {f"utm.{name}": value for name, value in mapping(payload.get("utm")).items()}
    return {**utm, **{name: payload[name] for name in _WHOLE if payload.get(name)}}


PLATFORM = Platform(verify, read)
