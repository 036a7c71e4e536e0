"""
What all event data share: frozen models, ids, instants.

Outside data is validated here once, at the edge; inside, the types are trusted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, PlainSerializer, StringConstraints


def rfc3339(moment: datetime) -> str:
    """
    Write an aware instant as the contract does: UTC, milliseconds, `Z`.

    >>> rfc3339(datetime(2026, 3, 2, 14, 5, 9, 123456, tzinfo=UTC))
    '2026-03-02T14:05:09.123Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_millis(millis: int) -> str:
    """
    Write whole milliseconds since 1970 as RFC 3339.

    >>> from_millis(1772460309123)
    '2026-03-02T14:05:09.123Z'
    """
    return rfc3339(datetime.fromtimestamp(millis / 1000, UTC))


def to_millis(moment: datetime) -> int:
    """
    Return whole milliseconds since 1970, cut off, never rounded up.

    >>> to_millis(datetime(2026, 3, 2, 14, 5, 9, 123999, tzinfo=UTC))
    1772460309123
    """
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _no_nul(value: str) -> str:
    if "\x00" in value:
        message = "must not contain a NUL character"
        raise ValueError(message)
    return value


Id = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_no_nul)]
Instant = Annotated[AwareDatetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class EventData(BaseModel):
    """Base of all event data: frozen, and unknown fields are ignored, so that producers can run ahead."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=False)
