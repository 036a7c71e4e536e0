"""
What all event data share: frozen models, ids, instants, and what counts as not given.

Outside data is validated here once, at the edge; inside, the types are trusted.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticUseDefault

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def rfc3339(moment: datetime) -> str:
    """
    Write an aware instant as the contract does: UTC, milliseconds, `Z`.

    >>> rfc3339(datetime(2026, 3, 2, 14, 5, 9, 123456, tzinfo=UTC))
    '2026-03-02T14:05:09.123Z'
    """
    return from_millis(to_millis(moment))  # half of what `isoformat` takes


@lru_cache(maxsize=4096)
def _whole_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat(timespec="seconds")[:19]


def from_millis(millis: int) -> str:
    """
    Write whole milliseconds since 1970 as RFC 3339.

    >>> from_millis(1772460309123)
    '2026-03-02T14:05:09.123Z'
    """
    seconds, rest = divmod(millis, 1000)
    return f"{_whole_second(seconds)}.{rest:03d}Z"


def to_millis(moment: datetime) -> int:
    """
    Return whole milliseconds since 1970, cut off, never rounded up.

    >>> to_millis(datetime(2026, 3, 2, 14, 5, 9, 123999, tzinfo=UTC))
    1772460309123
    """
    return (moment - _EPOCH) // _MILLISECOND


def parse_instant(text: str) -> datetime:
    """
    Read an RFC 3339 time with its offset and return it in UTC; raises `ValueError` on anything else.

    A time without an offset is refused, since it would start a clock hours off.
    A leap second is read as the second that follows it.

    >>> parse_instant("2026-03-02T15:05:09+01:00").isoformat()
    '2026-03-02T14:05:09+00:00'
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        message = "must be an RFC 3339 time with an offset, like 2026-03-02T14:05:09Z"
        raise ValueError(message)
    date, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    try:
        moment = datetime.fromisoformat(
            f"{date}T{minute}:{'59' if leap else second}{fraction or ''}{offset.upper()}"
        ).astimezone(UTC)
        return moment + timedelta(seconds=1) if leap else moment
    except (ValueError, OverflowError):
        message = "must be a time that exists"
        raise ValueError(message) from None


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        return parse_instant(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    message = "must be an RFC 3339 time with an offset, like 2026-03-02T14:05:09Z"
    raise ValueError(message)


def _id(value: str) -> str:
    if "\x00" in value:
        message = "must not contain a NUL character"
        raise ValueError(message)
    if value.isspace():
        message = "must not be blank"
        raise ValueError(message)
    return value


def _required_text(value: str) -> str:
    if not value.strip():
        message = "must not be blank"
        raise ValueError(message)
    return value


def _absent_if_blank(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on whatever came
    if value is None or (isinstance(value, str) and not value.strip()):
        raise PydanticUseDefault
    return value


def _no_truth_value(value: Any) -> Any:  # noqa: ANN401 - runs before validation, on whatever came
    if isinstance(value, bool):
        message = "must be a number"
        raise ValueError(message)  # noqa: TRY004 - pydantic turns a ValueError, not a TypeError, into a report
    return value


def _stripped(value: str | None) -> str | None:
    return (value.strip() or None) if value is not None else None


MAX_WHOLE = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_id)]
"""An identifier: at most 128 characters, not blank, kept as it came."""

Name = Annotated[str, StringConstraints(min_length=1), AfterValidator(_required_text)]
"""A required word of any length, such as the key of a form that may be unknown here."""

Text = Annotated[str | None, AfterValidator(_stripped)]
"""Optional text: null, empty and blank count as not given, and it comes without blanks around it."""

Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC; on the wire RFC 3339 with an offset."""

Absent = BeforeValidator(_absent_if_blank)
"""Makes null and blank text mean the field's default, for optional fields that are not text."""

Number = BeforeValidator(_no_truth_value)
"""Refuses `true` and `false` where a number is asked for."""


class EventData(BaseModel):
    """Base of all event data: frozen, and unknown fields are ignored, so that producers can run ahead."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )
