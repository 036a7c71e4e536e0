"""
HubSpot: three signatures, all with the client secret of an app.

- v1 `X-HubSpot-Signature`: hex of SHA-256 over secret and raw body (subscriptions of an app).
- v2 `X-HubSpot-Signature`, version header `v2`: over secret, method, address and raw body (workflows).
- v3 `X-HubSpot-Signature-v3`: base64 of the HMAC-SHA-256 of method, address, raw body and
  `X-HubSpot-Request-Timestamp` in milliseconds. Where it is there, it alone counts.

The address is what HubSpot called; v3 decodes some of its characters. Facts from
https://developers.hubspot.com/docs/api/webhooks/validating-requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import JSON, Answer, Delivery, Key, Message, Platform, SignatureRefused
from router.adapters.sources.payload import event_id, items, loads, mapping

_V3 = "X-HubSpot-Signature-v3"
_DECODED = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The characters that v3 wants decoded: `: / ? @ ! $ ' ( ) * , ;`."""


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what HubSpot did not sign, or signed too long ago."""
    if _V3.lower() in delivery.headers:
        _verify_v3(delivery, key)
        return
    given = signing.header(delivery.headers, "X-HubSpot-Signature")
    secret, called = key.secret.encode(), f"{delivery.method}{delivery.url}".encode()
    by_version = {
        "v1": signing.digest(secret + delivery.body).hex(),
        "v2": signing.digest(secret + called + delivery.body).hex(),
    }
    version = delivery.headers.get("x-hubspot-signature-version")
    if version is not None and version not in by_version:
        raise SignatureRefused("the version of the signature is unknown")
    signing.match(given, by_version.values() if version is None else [by_version[version]])


def _verify_v3(delivery: Delivery, key: Key) -> None:
    timestamp = signing.header(delivery.headers, "X-HubSpot-Request-Timestamp")
    signing.fresh(timestamp, delivery.received_at, millis=True)
    called = _DECODED.sub(lambda found: chr(int(found[1], 16)), delivery.url)
    signed = f"{delivery.method}{called}".encode() + delivery.body + timestamp.encode()
    signing.match(signing.header(delivery.headers, _V3), [signing.base64_of(signing.mac(key.secret, signed))])


def read(delivery: Delivery) -> Sequence[Message]:
    """
    Return the contact of a workflow's webhook, or each event of a subscription.

    Answers are the contact's properties. Events name a contact and rarely say
    more, so one is a submission only where a `map` finds an address in it.
    """
    payload = loads(delivery.body)
    if isinstance(payload, list):
        return [_event(event, delivery.body) for event in items(payload)]
    contact = mapping(payload)
    if not contact:
        return []
    answers = {name: Answer(value) for name, value in _properties(contact)}
    form = _newest_form(contact)
    own = form.get("conversion-id") or contact.get("callbackId") or contact.get("eventId")
    page = {"page_url": form.get("page-url")}
    return [Message(event_id(own, delivery.body), contact, answers, page, form.get("timestamp"))]


def _event(event: JSON, body: bytes) -> Message:
    answers = {name: Answer(value) for name, value in _properties(event)} if "properties" in event else {}
    return Message(event_id(event.get("eventId"), body), event, answers, {}, event.get("occurredAt"), surely=False)


def _properties(contact: JSON) -> Iterator[tuple[str, object]]:
    """Yield the properties, as a workflow sends them: with their versions, or plain, or as a body of its own making."""
    under = contact.get("properties") or mapping(contact.get("object")).get("properties") or contact.get("inputFields")
    for name, value in mapping(under or contact).items():
        if isinstance(value, dict):
            if "value" in value:
                yield name, value["value"]
        elif under or not isinstance(value, list):
            yield name, value


def _newest_form(contact: JSON) -> JSON:
    forms = [form for form in items(contact.get("form-submissions")) if isinstance(form.get("timestamp"), int)]
    return max(forms, key=lambda form: str(form["timestamp"]).zfill(20), default={})


PLATFORM = Platform(verify, read)
