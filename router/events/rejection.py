"""`event.rejected.v1`: a dead letter, one a bad event, with all that is needed to send it again."""

from __future__ import annotations

from typing import Literal

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
    """`detail` holds no personal data; `value_base64` does, as it is the event itself."""

    source_topic: str
    source_partition: int
    source_offset: int
    code: RejectCode
    detail: str
    headers: dict[str, str]
    value_base64: str | None
    rejected_at: Instant
