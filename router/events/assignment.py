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

MAX_CANDIDATES = 20
"""How many candidates travel on the wire; a dry run shows all."""


class AssignmentEvent(EventData):
    """What all events of the topic carry."""

    lead_id: Id
    submission_id: Id
    """The submission that the present clock runs for."""
    sequence: Annotated[int, Field(ge=1)]
    """A number of the whole workspace without gaps; it is the order, and a gap shows a loss."""
    attempt: Annotated[int, Field(ge=0)]
    """Counts the lead's assignments; 0 before the first. A consumer that keeps the highest is never wrong."""
    rep_id: Id | None
    """The rep who holds, held or did it."""
    route: str | None
    step: Annotated[int | None, Field(ge=1)]
    """The route's step, from 1; null for an owner from outside the steps."""
    pool: str | None
    reason: str | None
    at: Instant
    """The ledger's time."""
    submitted_at: Instant
    touch_by: Instant | None
    """First contact is due by then; null without an SLA."""
    accept_by: Instant | None
    """The rep must accept by then; null where acceptance is optional."""
    policy_version: str


class Candidate(EventData):
    """A rep who was looked at."""

    rep_id: Id
    eligible: bool
    code: CandidateCode
    """For programs: `eligible`, else the first thing that stood in the way."""
    reason: str
    """For people: the same as a sentence."""


class LeadQueued(AssignmentEvent):
    """The lead waits: nobody who may take it is free."""


class LeadAssigned(AssignmentEvent):
    """`rep_id` owns the lead now."""

    candidates: Annotated[tuple[Candidate, ...], Field(max_length=MAX_CANDIDATES)]
    """Eligible first, in the order they would be offered, then the excluded members of the steps' pools."""
    considered: Annotated[int, Field(ge=0)]
    """How many there were."""


class LeadAccepted(AssignmentEvent):
    """The holder took the lead on."""

    acted_at: Instant
    """The rep's own time of acting."""


class LeadUnassigned(AssignmentEvent):
    """The rep lost the lead; an assigned, queued or closed event follows."""

    reason: UnassignedReason


class LeadTouched(AssignmentEvent):
    """First contact was made; the clock stops and the rep's capacity is free."""

    acted_at: Instant
    """The rep's own time of acting."""
    channel: Channel | None = None


class LeadClosed(AssignmentEvent):
    """The lead is over."""

    reason: ClosedReason
