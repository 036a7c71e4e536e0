"""`lead-assignments`: who holds which lead. Replayed by `sequence` they give every lead's and every rep's history."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.action import Channel
from router.events.base import EventData, Id, Instant

CandidateCode = Literal[
    "eligible",
    "inactive",
    "offline",
    "away",
    "busy",
    "outside_hours",
    "holiday",
    "at_capacity",
    "daily_limit",
    "no_match",
    "already_tried",
    "later_step",
]
UnassignedReason = Literal["declined", "accept_timeout", "rep_unavailable", "breached", "released"]
ClosedReason = Literal["won", "lost", "disqualified", "erased", "abandoned"]


class AssignmentEvent(EventData):
    """What all events of the topic carry. `sequence` has no gaps in a workspace; `attempt` never goes back in a lead."""

    lead_id: Id
    submission_id: Id
    sequence: Annotated[int, Field(ge=1)]
    attempt: Annotated[int, Field(ge=0)]
    rep_id: Id | None
    route: str | None
    step: int | None
    pool: str | None
    reason: str | None
    at: Instant
    submitted_at: Instant
    touch_by: Instant | None
    accept_by: Instant | None
    policy_version: str


class Candidate(EventData):
    """A rep who was looked at. `code` is for programs, `reason` for people."""

    rep_id: Id
    eligible: bool
    code: CandidateCode
    reason: str


class LeadQueued(AssignmentEvent):
    """The lead waits: nobody who may take it is free."""


class LeadAssigned(AssignmentEvent):
    """`rep_id` owns the lead now."""

    candidates: tuple[Candidate, ...]
    considered: int


class LeadAccepted(AssignmentEvent):
    """The holder took the lead on."""

    acted_at: Instant


class LeadUnassigned(AssignmentEvent):
    """The rep lost the lead; an assigned, queued or closed event follows."""

    reason: UnassignedReason


class LeadTouched(AssignmentEvent):
    """First contact was made; the clock stops and the rep's capacity is free."""

    acted_at: Instant
    channel: Channel | None = None


class LeadClosed(AssignmentEvent):
    """The lead is over."""

    reason: ClosedReason
