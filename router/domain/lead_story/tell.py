"""Tells a lead's story: sorts the events of the log, folds each kind, and holds the end against the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from router.domain.lead_story.clocks import clocks
from router.domain.lead_story.course import OVER, Course
from router.domain.lead_story.mind import compared
from router.domain.lead_story.shape import ClockRun, Decided, Event, LeadStory, Notified, Present, Standing
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.sla import SlaEvent

HELD = ("held", "accepted")
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
    runs = clocks(decisions, assignments, _data(known, SlaEvent), course)
    present = _present(course, decisions, standing, now)
    earliest = known[0].at if known else None
    return LeadStory(
        lead_id=lead_id,
        as_of=now,
        now=present,
        decisions=tuple(_decided(decisions, course)),
        attempts=tuple(each.told() for each in course.attempts),
        waits=tuple(each.told(now) for each in course.waits),
        clocks=runs,
        notifications=tuple(_notified(known)),
        notes=(
            *_disagreement(present, decisions),
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
        opens = decision.to == "sales" and decision.submission_id in course.openings and not decision.test
        opening = course.openings.index(decision.submission_id) + 1 if opens else None
        yield compared(decision, before, opening)
        if not decision.test:
            before = decision


def _notified(events: Iterable[Event]) -> Iterator[Notified]:
    for event in events:
        if isinstance(event.data, NotificationRequested):
            told = event.data
            yield Notified(event.at, told.kind, told.recipient.type, told.recipient.id, told.attempt)


def _present(course: Course, decisions: Sequence[LeadDecided], standing: Standing | None, now: datetime) -> Present:
    last = course.last
    is_open = course.state is not None and course.state not in OVER
    touch_by = last.touch_by if last is not None and is_open else None
    state: str = course.state or ("not_open" if decisions else "unknown")
    present = Present(
        state=state,
        rep_id=course.rep_id,
        since=course.since,
        accepted_at=course.accepted_at,
        attempt=course.attempt,
        submission_id=last.submission_id if last is not None else None,
        touch_by=touch_by,
        accept_by=last.accept_by if last is not None and state == "held" else None,
        overdue=touch_by is not None and touch_by < now,
        parked=standing is not None and standing.state == "waiting" and standing.parked,
        reason=course.reason,
        agrees=True,
        ledger=standing,
    )
    return replace(present, agrees=_agrees(present, decisions, standing))


def _agrees(present: Present, decisions: Sequence[LeadDecided], standing: Standing | None) -> bool:
    if standing is None:
        return present.state == "unknown" or (present.state == "not_open" and all(one.test for one in decisions))
    state = "seen" if present.state == "not_open" else present.state
    holder = present.rep_id if state in HELD else None
    held_by = standing.rep_id if standing.state in HELD else None
    return (state, present.attempt, holder) == (standing.state, standing.attempt, held_by)


def _disagreement(present: Present, decisions: Sequence[LeadDecided]) -> Iterator[str]:
    """Say what the ledger says otherwise, and what to make of it."""
    if present.agrees:
        return
    standing = present.ledger
    if standing is None:
        yield (
            "The ledger does not know this lead: it forgets one 400 days after its end; otherwise this is another "
            "ledger than that which wrote the log (ROUTER_REDIS_URL, ROUTER_WORKSPACE), or one that was lost."
        )
        return
    log = _worded(present.state, present.attempt, present.rep_id if present.state in HELD else None)
    if not decisions and present.state == "unknown":
        log = "nothing"
    ledger = _worded(standing.state, standing.attempt, standing.rep_id if standing.state in HELD else None)
    ahead = (present.attempt, present.state in OVER) > (standing.attempt, standing.state in OVER)
    if ahead:
        yield (
            f"The log is ahead of the ledger. The log says: {log}. The ledger says: {ledger}. Where it stays so the "
            "ledger has gone back to an older state: see Redis in docs/operations.md."
        )
    else:
        yield (
            f"The log is behind the ledger. The log says: {log}. The ledger says: {ledger}. What the ledger did last "
            "is not published yet: ask again in a few seconds; where it stays so, no worker runs or the log is away."
        )


def _worded(state: str, attempt: int, rep_id: str | None) -> str:
    told = {"seen": "never sent to sales", "not_open": "never sent to sales"}.get(state, state)
    return told + (f" by {rep_id}" if rep_id else "") + (f", attempt {attempt}" if attempt else "")


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
