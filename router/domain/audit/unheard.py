"""
Promise 1 for what reps and CRMs said: every action and outcome had its effect, was answered, or could change nothing.

Many an action rightly changes nothing: it repeats another, comes too late,
belongs to an earlier opening. Only what surely should have changed something
is reported, so a silent loss among the doubtful ones is not found here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from router.domain.audit.history import History, events_of
from router.domain.audit.observed import Horizon, Observed, Violation
from router.domain.audit.openings import Opening
from router.events.action import RepAction
from router.events.assignment import LeadAccepted
from router.events.outcome import LeadOutcome

_CLOSING = {"won", "lost", "disqualified"}
_NOTIFICATIONS_KEPT = timedelta(days=6)

Opened = Mapping[str, Sequence[Opening]]


def unheard_actions(history: History, opened: Opened, horizon: Horizon, known: Iterable[str]) -> Iterable[Violation]:
    """Find actions without dead letter that named nobody known, or should have changed a lead and did not."""
    decided, reps = _decided(history), set(known)
    ambiguous = _ids_with_several_meanings(history)
    for observed, action in events_of(history.inputs["rep-actions"], RepAction):
        if history.dead_letters(observed) or not horizon.settled(_later(observed.written_at, action.at)):
            continue
        if action.lead_id not in decided:
            yield Violation(1, observed.place, f"lead {action.lead_id} was never decided, and there is no dead letter")
        elif action.rep_id not in reps:
            yield Violation(1, observed.place, f"rep {action.rep_id} is in no policy, and there is no dead letter")
        elif action.action_id not in ambiguous:
            yield from _without_effect(observed, action, opened.get(action.lead_id, ()))


def _decided(history: History) -> set[str]:
    return {decision.lead_id for decisions in history.decisions.values() for decision in decisions}


def _later(written_at: datetime | None, at: datetime) -> datetime:
    return at if written_at is None else max(written_at, at)


def _ids_with_several_meanings(history: History) -> set[str]:
    """Return action ids under which different actions came: only the first counts, and which it was is not known."""
    meanings: dict[str, set[RepAction]] = defaultdict(set)
    for _, action in events_of(history.inputs["rep-actions"], RepAction):
        meanings[action.action_id].add(action)
    return {action_id for action_id, actions in meanings.items() if len(actions) > 1}


def _without_effect(observed: Observed, action: RepAction, openings: Sequence[Opening]) -> Iterable[Violation]:
    opening = openings[-1] if openings else None
    if opening is None or not opening.is_open or not _belongs(action, opening):
        return
    subject = f"lead {action.lead_id}"
    holder = opening.holder
    if action.action == "touch":
        yield Violation(1, subject, f"{action.rep_id} touched it ({observed.place}), and it still counts as untouched")
    elif holder is not None and (action.rep_id, action.attempt) == (holder.rep_id, holder.attempt):
        if action.action == "accept" and isinstance(holder, LeadAccepted):
            return
        problem = f"{action.rep_id} sent {action.action} for attempt {holder.attempt} ({observed.place}): no effect"
        yield Violation(1, subject, problem)


def _belongs(action: RepAction, opening: Opening) -> bool:
    """Return whether the action surely answers this opening and not an earlier one."""
    return action.at >= opening.at and (action.attempt is None or action.attempt >= opening.first_attempt)


def unanswered_strangers(
    history: History, opened: Opened, horizon: Horizon, active: Iterable[str]
) -> Iterable[Violation]:
    """Find reps who answered for a lead that they never held and were not told that it is not theirs."""
    reps = set(active)
    told = Counter((note.recipient.id, note.lead_id) for note in history.notifications if note.kind == "superseded")
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for observed, action in events_of(history.inputs["rep-actions"], RepAction):
        settled = horizon.settled(_later(observed.written_at, action.at))
        recent = action.at + _NOTIFICATIONS_KEPT > horizon.until
        if not settled or not recent or action.rep_id not in reps or history.dead_letters(observed):
            continue
        if _is_strangers(action, opened.get(action.lead_id, ())):
            asked[action.rep_id, action.lead_id].add(action.action_id)
    for (rep_id, lead_id), action_ids in asked.items():
        if told[rep_id, lead_id] < len(action_ids):
            problem = f"{rep_id} answered for it {len(action_ids)} times without ever holding it"
            yield Violation(1, f"lead {lead_id}", f"{problem} and was told {told[rep_id, lead_id]} times (superseded)")


def _is_strangers(action: RepAction, openings: Sequence[Opening]) -> bool:
    if action.action == "touch" or not openings or action.at < openings[-1].at:
        return False
    return not any(opening.held_by(action.rep_id) for opening in openings)


def unheard_outcomes(history: History, opened: Opened, horizon: Horizon) -> Iterable[Violation]:
    """Find outcomes without dead letter for a lead never seen, or that should have closed an open lead."""
    decided = _decided(history)
    for observed, outcome in events_of(history.inputs["lead-outcomes"], LeadOutcome):
        if history.dead_letters(observed) or not horizon.settled(_later(observed.written_at, outcome.at)):
            continue
        openings = opened.get(outcome.lead_id, ())
        if outcome.lead_id not in decided:
            yield Violation(1, observed.place, f"lead {outcome.lead_id} was never decided, and there is no dead letter")
        elif outcome.outcome in _CLOSING and openings and openings[-1].is_open and outcome.at >= openings[-1].at:
            yield Violation(
                1, f"lead {outcome.lead_id}", f"outcome {outcome.outcome} ({observed.place}) closed nothing"
            )
