"""
Intercom: `X-Hub-Signature` is `sha1=` and hex of the HMAC-SHA-1 of the raw body, with the app's client secret.

No time is signed. Facts from https://developers.intercom.com/docs/webhooks and
https://developers.intercom.com/docs/references/webhooks/webhook-models. A contact without an address is one
who has not told it yet, and no submission.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.adapters.sources import signing
from router.adapters.sources.delivery import Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import event_id, items, loads, mapping, text

_SUBMISSIONS = frozenset(
    {
        *(f"contact.lead.{what}" for what in ("created", "added_email", "signed_up")),
        *("contact.user.created", "user.created"),
        *(f"contact.{what}" for what in ("created", "added_email", "signed_up")),
    }
)
_OWN = ("email", "phone", "name", "referrer")
_UTM = ("source", "medium", "campaign", "term", "content")


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Intercom did not sign."""
    given = signing.header(delivery.headers, "X-Hub-Signature")
    signing.match(given, [f"sha1={signing.mac(key.secret, delivery.body, 'sha1').hex()}"])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the contact that a notification tells of; its answers are the contact's custom attributes."""
    payload = mapping(loads(delivery.body))
    if text(payload.get("topic")) not in _SUBMISSIONS:
        return []
    item = mapping(mapping(payload.get("data")).get("item"))
    answers = {name: Answer(value) for name, value in mapping(item.get("custom_attributes")).items()}
    contact = {name: text(item.get(name)) for name in _OWN}
    contact |= {f"utm.{name}": text(item.get(f"utm_{name}")) for name in _UTM}
    place = mapping(item.get("location") or item.get("location_data"))
    contact["country"] = text(place.get("country_code"))
    contact["region"] = text(place.get("region") or place.get("region_name"))
    companies = items(mapping(item.get("companies")).get("data")) or items(
        mapping(item.get("companies")).get("companies")
    )
    contact["company"] = text(companies[0].get("name")) if companies else ""
    at = payload.get("created_at")
    return [Message(event_id(payload.get("id"), delivery.body), payload, answers, contact, at, surely=False)]


PLATFORM = Platform(verify, read)
