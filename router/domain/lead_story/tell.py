"""Tells a lead's story: sorts the events of the log, folds each kind, and holds the end against the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from router.domain.lead_story.clocks import clocks
from router.domain.lead_story.course import Course
from router.domain.lead_story.mind import compared
from router.domain.lead_story.present import disagreement, present
from router.domain.lead_story.shape import ClockRun, Decided, Event, LeadStory, Notified, Standing
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.sla import SlaEvent

T = TypeVar("T", bound=EventData)


def tell(
    lead_id: str,
    events: Iterable[Event],
    standing: Standing | None,
    now: datetime,
    *,
    notifications_kept: timedelta | None = None,
    unread: int = 0,
) -> LeadStory:
    """
    Return the story of one lead.

    * **events** - what the log has of it, in any order; one that came again counts once.
    * **standing** - how the ledger has it; None where the ledger does not know the lead.
    * **notifications_kept** - for how long the log has notifications; the story says so where that matters.
    * **unread** - how many records of the lead could not be read.
    """
    known = list({event.ce_id: event for event in sorted(events, key=lambda each: each.at)}.values())
    assignments = _data(known, AssignmentEvent)
    course = Course.of(assignments)
    decisions = _data(known, LeadDecided)
    turns = _data(known, SlaEvent)
    stands = present(course, decisions, turns, standing, now)
    runs = clocks(decisions, assignments, turns, course, stands.touch_by)
    earliest = known[0].at if known else None
    return LeadStory(
        lead_id=lead_id,
        as_of=now,
        now=stands,
        decisions=tuple(_decided(decisions, course)),
        attempts=tuple(each.told() for each in course.attempts),
        waits=tuple(each.told(now) for each in course.waits),
        clocks=runs,
        notifications=tuple(_notified(known)),
        notes=(
            *disagreement(stands),
            *_gaps(course, runs),
            *_not_here(earliest, now, notifications_kept, unread),
        ),
    )


def _data(events: Iterable[Event], kind: type[T]) -> list[T]:
    return [event.data for event in events if isinstance(event.data, kind)]


def _decided(decisions: Sequence[LeadDecided], course: Course) -> Iterator[Decided]:
    """Compare each decision with the one before; a test submission is compared, and compared with by none."""
    before: LeadDecided | None = None
    for decision in decisions:
        opens = decision.submission_id in course.openings
        opening = course.openings.index(decision.submission_id) + 1 if opens else None
        yield compared(decision, before, opening)
        if not decision.test:
            before = decision


def _notified(events: Iterable[Event]) -> Iterator[Notified]:
    for event in events:
        if isinstance(event.data, NotificationRequested):
            told = event.data
            yield Notified(event.at, told.kind, told.recipient.type, told.recipient.id, told.attempt)


def _gaps(course: Course, runs: Sequence[ClockRun]) -> Iterator[str]:
    """Say what the log does not have."""
    if course.attempts and course.attempts[0].event.attempt > 1:
        yield "The log no longer has this lead's first attempts."
    elif course.attempts and course.attempts[0].assigned_at is None:
        yield "The log no longer has this lead's first assignment."
    for run in runs:
        if run.state == "untold":
            yield f"The log has no end of the clock of submission {run.submission_id} (yet)."


def _not_here(earliest: datetime | None, now: datetime, kept: timedelta | None, unread: int) -> Iterator[str]:
    if earliest is not None and kept is not None and earliest < now - kept:
        yield f"Notifications are kept for {kept.days} days: older ones are not here."
    if unread:
        records = "1 record" if unread == 1 else f"{unread} records"
        yield f"{records} of this lead could not be read: a newer router may have written them."
