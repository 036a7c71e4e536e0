"""
Promise 1 for what reps and CRMs said: every action and outcome had its effect, was answered, or could change nothing.

Many an action rightly changes nothing: it repeats another, comes too late,
belongs to an earlier opening. Only what surely should have changed something
is reported, so a silent loss among the doubtful ones is not found here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router.domain.audit.history import History, events_of
from router.domain.audit.observed import Horizon, Observed, Violation
from router.domain.audit.openings import Opening
from router.events.action import RepAction
from router.events.assignment import LeadAccepted
from router.events.outcome import LeadOutcome

_CLOSING = {"won", "lost", "disqualified"}
_NOTIFICATIONS_KEPT = timedelta(days=6)


@dataclass(slots=True)
class People:
    """
    Whom the policies name, and which ids of actions say nothing certain.

    * **known** - reps of any policy, and such as ever got a lead; **active** - those who may take some.
    * **all_known** - whether every policy is known: else nobody is known for nobody.
    * **ambiguous** - action ids under which different actions came: only the first counts, and nobody knows which.
    """

    known: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)
    all_known: bool = True

    def knows(self, rep_id: str) -> bool:
        """Return whether some policy may name the rep."""
        return rep_id in self.known or not self.all_known


def about_nobody(history: History, horizon: Horizon) -> Iterable[Violation]:
    """Find actions and outcomes about a lead that was never decided, without dead letter."""
    said_of_it: Iterable[tuple[Observed, RepAction | LeadOutcome]] = (
        *events_of(history.inputs["rep-actions"], RepAction),
        *events_of(history.inputs["lead-outcomes"], LeadOutcome),
    )
    for observed, said in said_of_it:
        if not history.dead_letters(observed) and horizon.unanswered(_later(observed.written_at, said.at)):
            yield Violation(1, observed.place, f"lead {said.lead_id} was never decided, and there is no dead letter")


def unheard_actions(
    history: History, openings: Sequence[Opening], horizon: Horizon, people: People
) -> Iterable[Violation]:
    """Find actions without dead letter that named nobody known, or should have changed the lead and did not."""
    for observed, action in events_of(history.inputs["rep-actions"], RepAction):
        since = _later(observed.written_at, action.at)
        if history.dead_letters(observed) or not horizon.settled(since):
            continue
        if not people.knows(action.rep_id):
            if horizon.unanswered(since):
                problem = f"rep {action.rep_id} is in no policy, and there is no dead letter"
                yield Violation(1, observed.place, problem)
        elif action.action_id not in people.ambiguous:
            yield from _without_effect(observed, action, openings)


def _later(written_at: datetime | None, at: datetime) -> datetime:
    return at if written_at is None else max(written_at, at)


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
    history: History, openings: Sequence[Opening], horizon: Horizon, people: People
) -> Iterable[Violation]:
    """Find reps who answered for a lead that they never held and were not told that it is not theirs."""
    told = Counter((note.recipient.id, note.lead_id) for note in history.notifications if note.kind == "superseded")
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for observed, action in events_of(history.inputs["rep-actions"], RepAction):
        settled = horizon.settled(_later(observed.written_at, action.at))
        recent = action.at + _NOTIFICATIONS_KEPT > horizon.now
        if not settled or not recent or action.rep_id not in people.active or history.dead_letters(observed):
            continue
        if _is_strangers(action, openings) and action.action_id not in people.ambiguous:
            asked[action.rep_id, action.lead_id].add(action.action_id)
    for (rep_id, lead_id), action_ids in asked.items():
        if told[rep_id, lead_id] < len(action_ids):
            problem = f"{rep_id} answered for it {len(action_ids)} times without ever holding it"
            yield Violation(1, f"lead {lead_id}", f"{problem} and was told {told[rep_id, lead_id]} times (superseded)")


def _is_strangers(action: RepAction, openings: Sequence[Opening]) -> bool:
    if action.action == "touch" or not openings or action.at < openings[-1].at:
        return False
    return not any(opening.held_by(action.rep_id) for opening in openings)


def unheard_outcomes(history: History, openings: Sequence[Opening], horizon: Horizon) -> Iterable[Violation]:
    """Find outcomes without dead letter that should have closed the open lead."""
    for observed, outcome in events_of(history.inputs["lead-outcomes"], LeadOutcome):
        if history.dead_letters(observed) or not horizon.settled(_later(observed.written_at, outcome.at)):
            continue
        if outcome.outcome in _CLOSING and openings and openings[-1].is_open and outcome.at >= openings[-1].at:
            yield Violation(
                1, f"lead {outcome.lead_id}", f"outcome {outcome.outcome} ({observed.place}) closed nothing"
            )
