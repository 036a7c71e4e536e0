"""
CloudEvents 1.0 to records of the log and back.

Out: binary mode only, attributes in headers, the JSON data alone as the value.
In: binary mode, structured mode, and bare JSON data on a topic of one type.
What an event *means* is not looked at here; what is no event is refused with
the code of its dead letter, and a refusal never repeats what it refuses.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NoReturn
from urllib.parse import quote

import orjson
from pydantic import ValidationError

from router.errors import InvalidEvent
from router.events import INPUT_TOPICS, TOPIC_OF_TYPE, TOPICS
from router.events.base import EventData, from_millis, rfc3339, to_millis
from router.events.refusal import explain
from router.events.rejection import RejectCode
from router.ports import Headers, Outgoing, Received

MAX_VALUE_BYTES: Final = 256 * 1024
"""An input event whose value is larger is refused before anything reads it."""

MAX_KEPT_VALUE_BYTES: Final = 1024 * 1024
MAX_KEPT_HEADER_BYTES: Final = 64 * 1024
MAX_KEPT_KEY_BYTES: Final = 4 * 1024
"""What a dead letter carries at most of the event that it is about."""

SOURCE_KEY: Final = "router-source-key"
"""Header of a dead letter: the key of the record that it is about, which its data has no field for."""

REPLAYED_FROM: Final = "router-replayed-from"
"""Header of a record that was sent again: the id of the dead letter that it was sent from."""

_STRUCTURED: Final = "application/cloudevents"
_STRUCTURED_JSON: Final = "application/cloudevents+json"
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_MAX_ID: Final = 128


@dataclass(frozen=True, slots=True)
class Incoming:
    """One event as it came in: its type, what names and traces it where the producer said so, and its data."""

    ce_type: str
    ce_id: str | None
    traceparent: str | None
    data: EventData


@dataclass(frozen=True, slots=True)
class _Parts:
    """An event taken apart, its data not yet checked against the model."""

    ce_type: str
    ce_id: str | None
    traceparent: str | None
    data: dict[str, Any]


def source(workspace: str) -> str:
    """
    Return the `ce_source` of everything that a workspace publishes.

    >>> source("emea sales")
    '/router/emea%20sales'
    """
    return f"/router/{quote(workspace, safe='')}"


@lru_cache(maxsize=512)
def _constant_headers(workspace: str, ce_type: str) -> Mapping[str, bytes]:
    return {
        "ce_specversion": b"1.0",
        "ce_source": source(workspace).encode(),
        "ce_type": ce_type.encode(),
        "content-type": b"application/json",
    }


def encode(  # noqa: PLR0913 - an envelope is a list of attributes
    topic: str,
    key: str,
    ce_type: str,
    ce_id: str,
    time_ms: int,
    subject: str,
    data: bytes,
    *,
    workspace: str,
    traceparent: str | None = None,
) -> Outgoing:
    """
    Return the record of one event that the router publishes, in binary mode.

    * **ce_id** - deterministic: the same fact published again carries the same one.
    * **time_ms** - when it happened, in whole milliseconds since 1970.
    * **data** - the event's data as JSON; it is not looked at.
    * **traceparent** - that of the event which caused this one, if it had one.

    >>> record = encode("sla-events", "l1", "sla.met.v1", "f7", 1772460309123, "l1", b"{}", workspace="default")
    >>> record.headers["ce_time"]
    b'2026-03-02T14:05:09.123Z'
    """
    headers = {
        **_constant_headers(workspace, ce_type),
        "ce_id": ce_id.encode(),
        "ce_time": from_millis(time_ms).encode(),
        "ce_subject": subject.encode(),
    }
    if traceparent is not None:
        headers["traceparent"] = traceparent.encode()
    return Outgoing(topic, key.encode(), data, headers)


def peek(record: Received) -> tuple[str, str | None, dict[str, Any]]:
    """
    Return type, id and data of a record, the data not checked against its model; raises `InvalidEvent`.

    For whoever judges the data by itself: a record that this refuses, `decode` refuses too.
    """
    value = record.value or b""
    if len(value) > MAX_VALUE_BYTES and record.topic in INPUT_TOPICS:
        raise InvalidEvent("too_large", f"the value has {len(value)} bytes; at most {MAX_VALUE_BYTES} are taken")
    parts = _take_apart(record.topic, value, _lower(record.headers))
    return parts.ce_type, parts.ce_id, parts.data


def decode(record: Received) -> Incoming:
    """
    Return the event in a record of any topic of the contract; raises `InvalidEvent`, and nothing else.

    The codes: `too_large` before all else, `malformed_json` for a value that is
    no JSON object, `unknown_type` for a type that the topic does not carry,
    `schema` for an envelope or data that breaks its form.
    """
    return decode_value(record.topic, record.value, record.headers)


def decode_value(topic: str, value: bytes | None, headers: Headers) -> Incoming:
    """
    Do what `decode` does, for an event that is in no log, such as one in a file.

    Without any headers a structured event is known by its `specversion`.
    """
    if value is None or not value:
        raise InvalidEvent("malformed_json", "the value is empty")
    if len(value) > MAX_VALUE_BYTES and topic in INPUT_TOPICS:
        raise InvalidEvent("too_large", f"the value has {len(value)} bytes; at most {MAX_VALUE_BYTES} are taken")
    parts = _take_apart(topic, value, _lower(headers))
    types = TOPICS[topic]
    model = types.get(parts.ce_type)
    if model is None:
        _refuse_type(parts.ce_type, topic, types)
    try:
        data = model.model_validate(parts.data)
    except ValidationError as error:
        raise InvalidEvent("schema", explain(error, model)) from None
    return Incoming(parts.ce_type, parts.ce_id, parts.traceparent, data)


def dead_letter(
    record: Received,
    code: RejectCode,
    detail: str,
    rejected_at: datetime,
    workspace: str,
    full_topic: str,
) -> Outgoing:
    """
    Return the one dead letter of a record; rejecting the record again gives the same `ce_id`.

    * **detail** - goes on the wire as it is: no personal data.
    * **full_topic** - the record's topic with `ROUTER_TOPIC_PREFIX`.

    The letter always fits its topic: a value over 1 MiB is left out, and so are
    headers beyond 64 KiB, because a letter that cannot be sent would hold up the
    partition for ever.
    """
    place = f"{full_topic}/{record.partition}/{record.offset}"
    value = record.value
    if value is not None and len(value) > MAX_KEPT_VALUE_BYTES:
        value = None
        detail = f"{detail} (the value of {len(record.value or b'')} bytes is not kept)"
    letter = {
        "source_topic": full_topic,
        "source_partition": record.partition,
        "source_offset": record.offset,
        "code": code,
        "detail": detail,
        "headers": _kept_headers(record.headers),
        "value_base64": None if value is None else base64.b64encode(value).decode(),
        "rejected_at": rfc3339(rejected_at),
    }
    told = encode(
        "dead-letters",
        full_topic,
        "event.rejected.v1",
        f"rejected-{hashlib.sha256(place.encode()).hexdigest()[:32]}",
        to_millis(rejected_at),
        place,
        orjson.dumps(letter),
        workspace=workspace,
        traceparent=_traceparent(_lower(record.headers)),
    )
    if record.key is None or len(record.key) > MAX_KEPT_KEY_BYTES:
        return told
    return replace(told, headers={**told.headers, SOURCE_KEY: record.key})


def _kept_headers(headers: Headers) -> dict[str, str]:
    kept: dict[str, str] = {}
    room = MAX_KEPT_HEADER_BYTES
    for name, value in headers.items():
        shown = name.encode("utf-8", "replace").decode()
        room -= len(shown.encode()) + len(value or b"")
        if room < 0:
            break
        kept[shown] = _text(value or b"")
    return kept


def _take_apart(topic: str, value: bytes, headers: Headers) -> _Parts:
    media_type = _text(headers.get("content-type") or headers.get("ce_datacontenttype") or b"")
    media_type = media_type.partition(";")[0].strip().lower()
    if media_type.startswith(_STRUCTURED):
        if media_type != _STRUCTURED_JSON:
            raise InvalidEvent("malformed_json", f"an event in a CloudEvents format other than {_STRUCTURED_JSON}")
        return _structured(_object(value), headers)
    if "ce_type" in headers:
        _check_version(_text(headers.get("ce_specversion", b"1.0")))
        return _Parts(_text(headers["ce_type"]), _id(headers.get("ce_id")), _traceparent(headers), _object(value))
    if any(name.startswith("ce_") for name in headers):
        raise InvalidEvent("schema", "ce_type: is required where other ce_ headers are given")
    content = _object(value)
    if "specversion" in content and ("data" in content or "data_base64" in content):
        return _structured(content, headers)
    types = TOPICS[topic]
    if len(types) > 1:
        raise InvalidEvent("unknown_type", f"{topic} carries several types, and the event names none")
    return _Parts(next(iter(types)), None, _traceparent(headers), content)


def _structured(envelope: dict[str, Any], headers: Headers) -> _Parts:
    _check_version(envelope.get("specversion"))
    ce_type = envelope.get("type")
    if not isinstance(ce_type, str):
        raise InvalidEvent("schema", "type: is required in a structured event")
    if (envelope.get("data") is None) == (envelope.get("data_base64") is None):
        raise InvalidEvent("schema", "data: a structured event has one of data and data_base64")
    data = envelope.get("data")
    if data is None:
        data = _object(_from_base64(envelope["data_base64"]))
    elif not isinstance(data, dict):
        raise InvalidEvent("schema", "data: must be an object")
    trace = _traceparent(headers) or _checked_traceparent(envelope.get("traceparent"))
    return _Parts(ce_type, _checked_id(envelope.get("id")), trace, data)


def _object(value: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        # Only the place: the parser's message may quote what it stumbled over.
        raise InvalidEvent("malformed_json", f"no JSON in UTF-8, from character {error.pos} on") from None
    if not isinstance(content, dict):
        raise InvalidEvent("malformed_json", "the value is JSON, but not an object")
    return content


def _from_base64(text: object) -> bytes:
    if isinstance(text, str):
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            pass
    raise InvalidEvent("schema", "data_base64: must be base64")


def _check_version(version: object) -> None:
    if version != "1.0":
        raise InvalidEvent("schema", "specversion: must be 1.0")


def _refuse_type(ce_type: str, topic: str, types: Mapping[str, type[EventData]]) -> NoReturn:
    # A type of the contract is named; any other text is the producer's and may be anything.
    got = ce_type if ce_type in TOPIC_OF_TYPE else "the event's type"
    raise InvalidEvent("unknown_type", f"{got} is not carried by {topic}, which has {', '.join(types)}")


def _lower(headers: Headers) -> Headers:
    return {name.lower(): value or b"" for name, value in headers.items()}  # the log may give None for no value


def _text(header: bytes) -> str:
    return header.decode("utf-8", "replace")


def _id(header: bytes | None) -> str | None:
    return None if header is None else _checked_id(_text(header))


def _checked_id(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= _MAX_ID else None


def _traceparent(headers: Headers) -> str | None:
    return _checked_traceparent(_text(headers.get("traceparent") or headers.get("ce_traceparent") or b""))


def _checked_traceparent(value: object) -> str | None:
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None
