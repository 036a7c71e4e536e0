"""`event.rejected.v1`: a dead letter, one a bad event, with all that is needed to send it again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import EventData, Instant

RejectCode = Literal[
    "malformed_json",
    "schema",
    "too_large",
    "unknown_rep",
    "unknown_lead",
    "unknown_type",
    "processing_failed",
]


class EventRejected(EventData):
    """One event that can never be processed as it is; the partition went on."""

    source_topic: str
    """Its full name."""
    source_partition: Annotated[int, Field(ge=0)]
    source_offset: Annotated[int, Field(ge=0)]
    code: RejectCode
    detail: str
    """What is wrong and where; holds no personal data."""
    headers: dict[str, str]
    """The event's own, as text."""
    value_base64: str | None
    """The event's value, personal data and all; null where it had none or was too large to keep."""
    rejected_at: Instant
