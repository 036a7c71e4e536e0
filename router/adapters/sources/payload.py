"""Reading what a platform sent: JSON that may be anything, and values that must become plain text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import orjson

from router.adapters.sources.delivery import JSON

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_ID = 128
_FROM_MILLIS = 100_000_000_000  # as seconds it would be the year 5138


def loads(body: bytes) -> object | None:
    """Return the JSON in *body*; None where it is none: what was signed and cannot be read is no submission."""
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value


def mapping(value: object) -> JSON:
    """Return *value* where it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> Sequence[JSON]:
    """Return the objects in *value*, where it is a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """Return *value* where it is text or a whole number that names something, else nothing."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int) else ""


def event_id(own: object, body: bytes) -> str:
    """
    Return the platform's own id, where it has one that fits; else one that the same message always gives.

    >>> event_id("evt_1", b"{}"), event_id(None, b"{}") == event_id("", b"{}")
    ('evt_1', True)
    """
    given = text(own)
    if 0 < len(given) <= _LONGEST_ID and given.strip() and "\x00" not in given:
        return given
    return hashlib.sha256(given.encode("utf-8", "surrogatepass") or body).hexdigest()


def plain(value: object) -> str | int | float | bool | None:
    """
    Return *value* as one scalar: several become one text, and what is in an object is joined.

    >>> plain(["Red", "Blue"]), plain({"first": "Ana", "last": "Lima"}), plain(7), plain([])
    ('Red, Blue', 'Ana Lima', 7, None)
    """
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return _joined(" ", value.values())
    if isinstance(value, Sequence):
        return _joined(", ", value)
    return None


def instant(value: object) -> object:
    """
    Return a platform's time as RFC 3339 would have it; what cannot be read comes back as it is.

    Numbers are seconds or milliseconds since 1970.

    >>> instant(1630087926), instant("2018-02-28T16:09:11+0000")
    ('2021-08-27T18:12:06+00:00', '2018-02-28T16:09:11+00:00')
    """
    if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) <= 14:  # noqa: PLR2004 - digits of milliseconds
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            span = timedelta(milliseconds=value) if value >= _FROM_MILLIS else timedelta(seconds=value)
            return (_EPOCH + span).isoformat()
        except (OverflowError, ValueError):
            return value
    if isinstance(value, str) and len(value) > 5 and value[-5] in "+-" and value[-4:].isdecimal():  # noqa: PLR2004 - +0000
        return f"{value[:-2]}:{value[-2:]}"
    return value


def _joined(by: str, values: Iterable[object]) -> str | None:
    parts = [plain(value) for value in values]
    return by.join(str(part) for part in parts if part is not None and part != "") or None
