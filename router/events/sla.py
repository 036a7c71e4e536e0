"""`sla-events`: what became of a lead's clock."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from router.events.base import EventData, Id, Instant

Seconds = Annotated[float, Field(ge=0)]


class Breakdown(EventData):
    """Seconds spent where, of those since `submitted_at`; they add up to `elapsed_seconds`."""

    ingest: Seconds
    """From the button to the router."""
    decide: Seconds
    queue: Seconds
    """All spells without a rep."""
    accept: Seconds
    """0 without acceptance."""
    touch: Seconds


class SlaEvent(EventData):
    """One turn of one clock."""

    lead_id: Id
    submission_id: Id
    target: str
    """Name of the target in the configuration."""
    target_seconds: Seconds
    submitted_at: Instant
    due_at: Instant
    """The lead's `touch_by`."""
    at: Instant
    elapsed_seconds: Seconds
    """Wall time, for working clocks too."""
    open_seconds: Seconds | None = None
    """Of these, the seconds within the calendar; null for a clock that does not stop."""
    rep_id: Id | None
    attempt: Annotated[int, Field(ge=0)]
    breakdown: Breakdown


class SlaWarned(SlaEvent):
    """A share of the time has passed without a touch."""

    threshold: Annotated[float, Field(gt=0)]
    """Which share: 0.5, 0.8, …"""


class SlaBreached(SlaEvent):
    """`due_at` passed without a touch; told once, however often the lead changes hands."""


class SlaMet(SlaEvent):
    """Touched in time."""


class SlaResolved(SlaEvent):
    """Touched after the breach was told, so that a late first response is never hidden."""

    in_time: bool = False
    """True where the touch itself was in time and only its news was late."""


class SlaCancelled(SlaEvent):
    """The lead was closed untouched."""
