"""`sla-events`: what became of a lead's clock."""

from __future__ import annotations

from router.events.base import EventData, Id, Instant


class Breakdown(EventData):
    """Seconds spent where; they add up to `elapsed_seconds`."""

    ingest: float
    decide: float
    queue: float
    accept: float
    touch: float


class SlaEvent(EventData):
    """One turn of one clock. `due_at` is the lead's `touch_by`."""

    lead_id: Id
    submission_id: Id
    target: str
    target_seconds: float
    submitted_at: Instant
    due_at: Instant
    at: Instant
    elapsed_seconds: float
    open_seconds: float | None = None
    rep_id: Id | None
    attempt: int
    breakdown: Breakdown


class SlaWarned(SlaEvent):
    """A share of the time has passed without a touch."""

    threshold: float


class SlaBreached(SlaEvent):
    """`due_at` passed without a touch; told once."""


class SlaMet(SlaEvent):
    """Touched in time."""


class SlaResolved(SlaEvent):
    """Touched after the breach was told; `in_time` where the touch itself was in time and only its news was late."""

    in_time: bool = False


class SlaCancelled(SlaEvent):
    """The lead was closed untouched."""
