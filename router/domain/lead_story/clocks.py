"""The clocks of a lead, one a submission that went to sales, from `sla-events` and from who started them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from router.domain.lead_story.course import OVER, Course
from router.domain.lead_story.shape import ClockRun, ClockTurn
from router.events.assignment import AssignmentEvent
from router.events.decision import LeadDecided
from router.events.sla import SlaBreached, SlaCancelled, SlaEvent, SlaMet, SlaResolved, SlaWarned

What = Literal["warned", "breached", "met", "resolved", "cancelled"]
WORDS: Mapping[type[SlaEvent], What] = {
    SlaWarned: "warned",
    SlaBreached: "breached",
    SlaMet: "met",
    SlaResolved: "resolved",
    SlaCancelled: "cancelled",
}
RANK: Mapping[What, int] = {"warned": 0, "breached": 1, "met": 2, "resolved": 2, "cancelled": 2}
MILLISECOND = 0.001


def clocks(
    decisions: Iterable[LeadDecided],
    assignments: Iterable[AssignmentEvent],
    told: Iterable[SlaEvent],
    course: Course,
    touch_by: datetime | None,
) -> tuple[ClockRun, ...]:
    """
    Return each clock with its events, in the order in which the clocks were started.

    * **touch_by** - when the clock that runs now is due; None where none runs.
    """
    events: defaultdict[str, list[SlaEvent]] = defaultdict(list)
    for event in told:
        events[event.submission_id].append(event)
    started = {one.submission_id: one for one in decisions if one.to == "sales" and one.sla and not one.test}
    latest = {one.submission_id: one for one in sorted(assignments, key=lambda each: each.sequence) if one.touch_by}
    runs = [
        _run(name, started.get(name), latest.get(name), events[name], course)
        for name in dict.fromkeys((*started, *latest, *events))
    ]
    if touch_by is not None and course.last is not None:
        now = course.last.submission_id
        runs = [replace(run, due_at=touch_by) if run.submission_id == now else run for run in runs]
    return tuple(sorted(runs, key=lambda run: (run.submitted_at, run.submission_id)))


def _run(
    name: str,
    decision: LeadDecided | None,
    latest: AssignmentEvent | None,
    events: Sequence[SlaEvent],
    course: Course,
) -> ClockRun:
    turns = sorted(map(_turn, events), key=lambda turn: (turn.at, RANK[turn.what]))
    newest = max(events, key=lambda event: event.at, default=None)
    known = [each for each in (newest, latest, decision) if each is not None]
    dues = (
        newest.due_at if newest else None,
        latest.touch_by if latest else None,
        decision.touch_by if decision else None,
    )
    return ClockRun(
        submission_id=name,
        target=newest.target if newest else decision.sla if decision else None,
        target_seconds=newest.target_seconds if newest else None,
        submitted_at=known[0].submitted_at,
        due_at=next((due for due in dues if due is not None), None),
        state=_state(name, turns, course),
        turns=tuple(turns),
    )


def _turn(event: SlaEvent) -> ClockTurn:
    parts = event.breakdown
    total = parts.ingest + parts.decide + parts.queue + parts.accept + parts.touch
    return ClockTurn(
        what=WORDS[type(event)],
        at=event.at,
        elapsed_seconds=event.elapsed_seconds,
        open_seconds=event.open_seconds,
        rep_id=event.rep_id,
        attempt=event.attempt,
        threshold=event.threshold if isinstance(event, SlaWarned) else None,
        in_time=event.in_time if isinstance(event, SlaResolved) else None,
        breakdown=parts,
        adds_up=abs(total - event.elapsed_seconds) < MILLISECOND,
    )


def _state(
    name: str, turns: Sequence[ClockTurn], course: Course
) -> Literal["running", "breached", "met", "resolved", "cancelled", "untold"]:
    told = [turn.what for turn in turns if turn.what != "warned"]
    if told:
        return told[-1]
    past = course.state in OVER or (course.last is not None and name != course.last.submission_id)
    return "untold" if past else "running"
