"""
Promise 2, one owner: each lead's events, by `sequence`, are steps that its state allows.

After a gap in the sequence a lead's state is taken from what comes next; the gap
itself is reported as a loss, not what seems to follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from router.domain.audit.observed import Horizon, Violation
from router.events.assignment import (
    AssignmentEvent,
    LeadAccepted,
    LeadAssigned,
    LeadClosed,
    LeadQueued,
    LeadTouched,
    LeadUnassigned,
)

Phase = Literal["new", "waiting", "held", "accepted", "loose", "touched", "closed"]
"""`loose` is between an unassigned event and the assigned, queued or closed one that must follow it."""

_FROM: dict[type[AssignmentEvent], frozenset[Phase]] = {
    LeadQueued: frozenset({"new", "waiting", "loose", "touched", "closed"}),
    LeadAssigned: frozenset({"new", "waiting", "loose", "touched", "closed"}),
    LeadAccepted: frozenset({"held"}),
    LeadUnassigned: frozenset({"held", "accepted"}),
    LeadTouched: frozenset({"waiting", "held", "accepted"}),
    LeadClosed: frozenset({"new", "waiting", "held", "accepted", "loose", "touched"}),
}

_TO: dict[type[AssignmentEvent], Phase] = {
    LeadQueued: "waiting",
    LeadAssigned: "held",
    LeadAccepted: "accepted",
    LeadUnassigned: "loose",
    LeadTouched: "touched",
    LeadClosed: "closed",
}

_WORD: dict[type[AssignmentEvent], str] = {
    LeadQueued: "queued",
    LeadAssigned: "assigned",
    LeadAccepted: "accepted",
    LeadUnassigned: "unassigned",
    LeadTouched: "touched",
    LeadClosed: "closed",
}


@dataclass(frozen=True, slots=True)
class State:
    """What a lead is after an event; as it stands here, one of whom nothing was told yet."""

    phase: Phase = "new"
    rep_id: str | None = None
    attempt: int = 0
    opened_by: frozenset[str] = frozenset()
    sequence: int = 0

    def after(self, event: AssignmentEvent) -> State:
        """Return what the lead is after *event*."""
        kind = type(event)
        holds = kind in {LeadAssigned, LeadAccepted}
        opens = self.phase in {"new", "touched", "closed"} and kind in {LeadQueued, LeadAssigned}
        return State(
            phase=_TO[kind],
            rep_id=event.rep_id if holds else None,
            attempt=event.attempt,
            opened_by=self.opened_by | {event.submission_id} if opens else self.opened_by,
            sequence=event.sequence,
        )


def broken_ownership(
    assignments: Sequence[AssignmentEvent], past: State | None, certain: Callable[[int, int], bool]
) -> Iterable[Violation]:
    """
    Find events of one lead that its state did not allow; the first fault of each event is told.

    * **past** - what the lead was before; None where that is not known, and so not judged.
    * **certain** - whether no number of the sequence is missing between two.
    """
    state = past
    named: dict[int, str | None] = {}
    for event in assignments:
        known = state if state is not None and certain(event.sequence, state.sequence) else None
        problem = _renamed(named, event) or (_problem(known, event) if known else None)
        if problem is not None:
            yield Violation(2, f"lead {event.lead_id}", f"sequence {event.sequence}: {problem}")
        state = (state or State()).after(event)


def _renamed(named: dict[int, str | None], event: AssignmentEvent) -> str | None:
    if not isinstance(event, LeadAssigned):
        return None
    earlier = named.setdefault(event.attempt, event.rep_id)
    if earlier != event.rep_id:
        return f"attempt {event.attempt} names {event.rep_id}, before it named {earlier}"
    return None


def _problem(state: State, event: AssignmentEvent) -> str | None:
    return _wrong_step(state, event) or _wrong_attempt(state, event) or _wrong_rep(state, event) or _stale(state, event)


def _wrong_step(state: State, event: AssignmentEvent) -> str | None:
    if state.phase in _FROM[type(event)] or (isinstance(event, LeadClosed) and event.reason == "erased"):
        return None  # whoever asks to be forgotten is, whatever became of the lead before
    if isinstance(event, LeadAssigned):
        return f"assigned to {event.rep_id} while {state.rep_id} holds it (attempt {state.attempt})"
    if state.phase == "loose":
        return f"{_WORD[type(event)]} after unassigned, which an assigned, queued or closed event must follow"
    return f"{_WORD[type(event)]} while it is {state.phase}"


def _wrong_attempt(state: State, event: AssignmentEvent) -> str | None:
    expected = state.attempt + 1 if isinstance(event, LeadAssigned) else state.attempt
    if event.attempt == expected:
        return None
    if event.attempt < state.attempt:
        return f"{_WORD[type(event)]} with attempt {event.attempt}, which goes back from {state.attempt}"
    return f"{_WORD[type(event)]} with attempt {event.attempt} where {expected} is due"


def _wrong_rep(state: State, event: AssignmentEvent) -> str | None:
    if isinstance(event, LeadAccepted | LeadUnassigned) and event.rep_id != state.rep_id:
        return f"{_WORD[type(event)]} by {event.rep_id} while {state.rep_id} holds it"
    if isinstance(event, LeadAssigned) and event.rep_id is None:
        return "assigned to nobody"
    return None


def _stale(state: State, event: AssignmentEvent) -> str | None:
    reopens = state.phase in {"touched", "closed"} and isinstance(event, LeadQueued | LeadAssigned)
    if reopens and event.submission_id in state.opened_by:
        return f"{_WORD[type(event)]} again by submission {event.submission_id}, which had opened it before"
    return None


def left_loose(assignments: Sequence[AssignmentEvent], horizon: Horizon) -> Iterable[Violation]:
    """Find a lead that was taken from a rep and given to nobody, not even a queue."""
    last = assignments[-1] if assignments else None
    if isinstance(last, LeadUnassigned) and horizon.settled(last.at):
        problem = f"sequence {last.sequence}: unassigned ({last.reason}), and nothing followed"
        yield Violation(2, f"lead {last.lead_id}", problem)
