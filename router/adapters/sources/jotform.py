"""
Jotform signs nothing: the secret stands in the address of the webhook, as the value of a query parameter.

Who knows the address can write to it, and what is in the body is not proven: keep the address as secret as
the secret. Where a relay of your own signs for Jotform, with hex of the HMAC-SHA-256 of the raw body in
`X-Jotform-Signature`, that alone counts. Facts from https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/
and https://api.jotform.com/docs/: a form of several parts, the answers as JSON in `rawRequest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import BytesIO
from urllib.parse import parse_qsl, urlsplit

from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from router.adapters.sources import signing
from router.adapters.sources.delivery import JSON, Answer, Delivery, Key, Message, Platform, SignatureRefused
from router.adapters.sources.payload import event_id, loads, mapping

_SIGNATURE = "X-Jotform-Signature"
_QUESTION = re.compile(r"q[0-9]+_(.+)")


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what was not sent to the address with the secret in it."""
    if _SIGNATURE.lower() in delivery.headers:
        hexed = signing.mac(key.secret, delivery.body).hex()
        signing.match(signing.header(delivery.headers, _SIGNATURE), [hexed, f"sha256={hexed}"])
        return
    given = [value for _, value in parse_qsl(urlsplit(delivery.url).query)]
    if len(given) != 1:
        raise SignatureRefused("the address has no secret")
    signing.match(given[0], [key.secret])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return the submission; its answers are named by the questions' unique names, without `q3_`."""
    payload = dict(_form(delivery))
    answered = mapping(loads(str(payload.get("rawRequest", "")).encode("utf-8", "replace")))
    if not payload.get("submissionID") or not answered:
        return []
    payload["rawRequest"] = answered
    answers: dict[str, Answer] = {}
    for name, value in answered.items():
        if (question := _QUESTION.fullmatch(name)) is not None:
            answers.setdefault(question[1], Answer(_value(value)))
    return [Message(event_id(payload["submissionID"], delivery.body), payload, answers)]


def _form(delivery: Delivery) -> JSON:
    """Return the parts of the form, or the body where it is JSON."""
    media_type = delivery.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() == "application/json":
        return mapping(loads(delivery.body))
    parts: dict[str, object] = {}

    def on_field(field: Field) -> None:
        if field.field_name is not None and field.value is not None:
            parts[field.field_name.decode("utf-8", "replace")] = field.value.decode("utf-8", "replace")

    def on_file(_: File) -> None:
        """Leave uploads alone: Jotform sends addresses of them among the answers."""

    headers: Mapping[str, bytes] = {"Content-Type": media_type.encode("latin-1", "replace")}
    try:
        parse_form(dict(headers), BytesIO(delivery.body), on_field, on_file)
    except (FormParserError, ValueError):
        return {}
    return parts


def _value(value: object) -> object:
    """Return a phone number or a date as one text, a name and an address as their parts."""
    return value["full"] if isinstance(value, dict) and isinstance(value.get("full"), str) else value


PLATFORM = Platform(verify, read)
