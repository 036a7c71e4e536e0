"""
Webflow: `x-webflow-signature` is hex of the HMAC-SHA-256 of `x-webflow-timestamp`, a colon and the raw body.

The time is in milliseconds. Webhooks made in Webflow's dashboard carry neither header: only those made
through its API do. Facts from https://developers.webflow.com/data/docs/working-with-webhooks.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import event_id, loads, mapping


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Webflow did not sign, or signed too long ago."""
    given = signing.header(delivery.headers, "x-webflow-signature")
    timestamp = signing.header(delivery.headers, "x-webflow-timestamp")
    signing.fresh(timestamp, delivery.received_at, millis=True)
    signing.match(given, [signing.mac(key.secret, timestamp.encode() + b":" + delivery.body).hex()])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the submission of a `form_submission`; its answers are named by the form's field names."""
    payload = mapping(loads(delivery.body))
    if payload.get("triggerType") != "form_submission":
        return []
    sent = mapping(payload.get("payload"))
    answers = {name: Answer(value) for name, value in mapping(sent.get("data")).items()}
    return [Message(event_id(sent.get("id"), delivery.body), payload, answers, {}, sent.get("submittedAt"))]


PLATFORM = Platform(verify, read)
