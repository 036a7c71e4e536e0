"""Where a lead stands by the log, held against what the ledger says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from router.domain.lead_story.course import OVER, Course
from router.domain.lead_story.shape import Present, Standing
from router.events.assignment import AssignmentEvent
from router.events.decision import LeadDecided
from router.events.sla import SlaEvent

HELD = ("held", "accepted")


def present(
    course: Course, decisions: Sequence[LeadDecided], told: Iterable[SlaEvent], standing: Standing | None, now: datetime
) -> Present:
    """Return where the lead stands by the log, and whether the ledger agrees; only that knows who is parked."""
    last = course.last
    is_open = course.state is not None and course.state not in OVER
    state: str = course.state or ("not_open" if decisions else "unknown")
    agrees = _agrees(state, course, decisions, standing)
    touch_by = None
    if is_open:
        touch_by = standing.touch_by if standing is not None and agrees else _due(last, told)
    return Present(
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
        agrees=agrees,
        ledger=standing,
    )


def _due(last: AssignmentEvent | None, told: Iterable[SlaEvent]) -> datetime | None:
    """Return by when the lead is to be touched as the log has it: a repeat may have moved it."""
    if last is None:
        return None
    later = [each for each in told if each.submission_id == last.submission_id and each.at > last.at]
    return max(later, key=lambda each: each.at).due_at if later else last.touch_by


def _agrees(state: str, course: Course, decisions: Sequence[LeadDecided], standing: Standing | None) -> bool:
    if standing is None:
        return state == "unknown" or (state == "not_open" and all(one.test for one in decisions))
    holder = course.rep_id if state in HELD else None
    held_by = standing.rep_id if standing.state in HELD else None
    seen = "seen" if state == "not_open" else state
    return (seen, course.attempt, holder) == (standing.state, standing.attempt, held_by)


def disagreement(present: Present) -> Iterator[str]:
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
    ledger = _worded(standing.state, standing.attempt, standing.rep_id if standing.state in HELD else None)
    ended = present.attempt == standing.attempt and present.state in OVER and standing.state in HELD
    if present.attempt > standing.attempt or ended:
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
    told = {"seen": "never sent to sales", "not_open": "never sent to sales", "unknown": "nothing"}.get(state, state)
    return told + (f" by {rep_id}" if rep_id else "") + (f", attempt {attempt}" if attempt else "")
