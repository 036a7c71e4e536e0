"""
The course of a lead through hands and queues, folded from `lead-assignments` in the order of `sequence`.

A log that has lost its oldest records still gives a course: what is not known of an
attempt is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from router.domain.lead_story.shape import Attempt, Turn, Wait
from router.events.assignment import (
    AssignmentEvent,
    LeadAccepted,
    LeadAssigned,
    LeadClosed,
    LeadQueued,
    LeadTouched,
    LeadUnassigned,
)

State = Literal["waiting", "held", "accepted", "unassigned", "touched", "closed"]
"""`unassigned`: taken from its rep, and what followed in the same state change is not on the log."""

OVER = ("touched", "closed")


@dataclass(slots=True)
class Course:
    """The course so far; `see` takes the next event."""

    state: State | None = None
    since: datetime | None = None
    accepted_at: datetime | None = None
    rep_id: str | None = None
    attempt: int = 0
    reason: str | None = None
    last: AssignmentEvent | None = None
    openings: list[str] = field(default_factory=list)
    attempts: list[_Attempt] = field(default_factory=list)
    waits: list[_Wait] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[AssignmentEvent]) -> Course:
        """Fold *events*, in whatever order they come."""
        course = cls()
        for event in sorted(events, key=lambda each: each.sequence):
            course.see(event)
        return course

    def see(self, event: AssignmentEvent) -> None:
        """Take in the next event by `sequence`."""
        if (self.state is None or self.state in OVER) and isinstance(event, LeadQueued | LeadAssigned):
            self.openings.append(event.submission_id)
        if not self.openings:
            self.openings.append(event.submission_id)
        self.attempt = max(self.attempt, event.attempt)
        self.last = event
        match event:
            case LeadQueued():
                self._queued(event)
            case LeadAssigned():
                self._assigned(event)
            case LeadAccepted():
                self._now("accepted", self.since or event.at, event.rep_id)
                self.accepted_at = event.at
                self._turn(event, "accepted", event.rep_id, event.acted_at)
            case LeadUnassigned():
                by = event.rep_id if event.reason in ("declined", "released") else None
                self._turn(event, event.reason, by, over=True)
                self._now("unassigned", event.at, None)
            case LeadTouched():
                self._turn(event, "touched", event.rep_id, event.acted_at, over=True)
                self._now("touched", event.at, event.rep_id)
            case LeadClosed():
                self._turn(event, event.reason, None, over=True)
                self._now("closed", event.at, None)
                self.reason = event.reason

    def _now(self, state: State, since: datetime, rep_id: str | None) -> None:
        self.state, self.since, self.rep_id = state, since, rep_id

    def _queued(self, event: LeadQueued) -> None:
        if self.state != "waiting":
            self.waits.append(_Wait(event, len(self.openings)))
            self._now("waiting", event.at, None)
        self.accepted_at = self.reason = None

    def _assigned(self, event: LeadAssigned) -> None:
        self._end_wait("assigned", event.rep_id, event.at)
        if self.attempts:
            self.attempts[-1].over = True
        self.attempts.append(_Attempt(event, len(self.openings), event.at))
        self._now("held", event.at, event.rep_id)
        self.accepted_at = self.reason = None

    def _turn(
        self, event: AssignmentEvent, what: str, by: str | None, acted_at: datetime | None = None, *, over: bool = False
    ) -> None:
        """Note what became of the live attempt, or of the wait where nobody holds the lead."""
        if self.state == "waiting":
            self._end_wait(what if what == "touched" else "closed", by, event.at)
            return
        if self.state in (*OVER, "unassigned"):  # such as an outcome of a lead that was touched before
            return
        if not self.attempts or self.attempts[-1].over:
            self.attempts.append(_Attempt(event, len(self.openings), None))
        live = self.attempts[-1]
        after = None if live.assigned_at is None else max(0.0, _seconds(live.assigned_at, acted_at or event.at))
        channel = event.channel if isinstance(event, LeadTouched) else None
        live.turns.append(Turn(what, by, event.at, acted_at, after, channel, event.sequence))
        live.over = over

    def _end_wait(self, what: str, by: str | None, at: datetime) -> None:
        if self.state == "waiting":
            wait = self.waits[-1]
            wait.until, wait.ended_by, wait.by = at, what, by


@dataclass(slots=True)
class _Attempt:
    """An attempt that may go on; it is known by its assignment, or by the first event that the log still has."""

    event: AssignmentEvent
    opening: int
    assigned_at: datetime | None
    turns: list[Turn] = field(default_factory=list)
    over: bool = False

    def told(self) -> Attempt:
        """Return it as the story has it."""
        event = self.event
        assigned = event if isinstance(event, LeadAssigned) else None
        return Attempt(
            attempt=event.attempt,
            opening=self.opening,
            submission_id=event.submission_id,
            rep_id=event.rep_id,
            route=event.route,
            step=event.step,
            pool=event.pool,
            assigned_at=self.assigned_at,
            accept_by=event.accept_by,
            touch_by=event.touch_by,
            candidates=assigned.candidates if assigned else (),
            considered=assigned.considered if assigned else 0,
            policy_version=event.policy_version,
            sequence=assigned.sequence if assigned else None,
            turns=tuple(self.turns),
            over=self.over,
        )


@dataclass(slots=True)
class _Wait:
    event: LeadQueued
    opening: int
    until: datetime | None = None
    ended_by: str | None = None
    by: str | None = None

    def told(self, now: datetime) -> Wait:
        """Return it as the story has it; one that lasts is as long as it is *now*."""
        since = self.event.at
        seconds = max(0.0, _seconds(since, self.until or now))
        ended = (self.until, seconds, self.ended_by, self.by)
        return Wait(self.opening, self.event.submission_id, since, *ended, self.event.sequence)


def _seconds(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds(), 3)
