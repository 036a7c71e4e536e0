"""The ids that an auditor knows again: what came under them, for as long as it need be known."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from router.domain.audit.history import Place, said
from router.domain.audit.memory import Memory
from router.domain.audit.observed import Observed, Violation
from router.domain.audit.owner import Phase, State
from router.events.action import RepAction
from router.events.decision import LeadDecided

if TYPE_CHECKING:
    from router.domain.audit.cases import LeadCase, SubmissionCase

RECENT = 5_000
"""Outputs that are kept whole, so that a repeat which differs can be told with the fields."""

REPEATS_FOR = timedelta(days=1)
ACTIONS_FOR = timedelta(days=30)

_PHASES: Final[tuple[Phase, ...]] = ("new", "touched", "closed")


class Ids:
    """
    All ids of one auditor.

    * **keep** - how long a submission that was decided, and a lead that is over, are remembered; None for ever.
    * **decided** - submissions; **sequences** - which event has a number; **answered** - places of records of decided
      submissions that had no other record.
    """

    def __init__(self, keep: timedelta | None) -> None:
        shorter = None if keep is None else min(keep, REPEATS_FOR)
        self.decided = Memory(keep)
        self.sequences = Memory(shorter)
        self.answered = Memory(shorter)
        self._places = Memory(shorter)
        self._outputs = Memory(shorter)
        self._actions = Memory(None if keep is None else ACTIONS_FOR)
        self._leads = Memory(keep)
        self._recent: OrderedDict[str, Observed] = OrderedDict()
        self._most = None if keep is None else RECENT

    @property
    def forgetful(self) -> bool:
        """Return whether a lead that is over may have been forgotten."""
        return self._leads.forgetful

    @property
    def held(self) -> int:
        """Return how many records are kept whole."""
        return len(self._recent)

    def grow_old(self, now: datetime) -> None:
        """Let it be *now*."""
        for memory in (
            self.decided,
            self.sequences,
            self.answered,
            self._places,
            self._outputs,
            self._actions,
            self._leads,
        ):
            memory.grow_old(now)

    def first_time(self, place: Place) -> bool:
        """Return whether a record is seen for the first time, and remember it."""
        if place in self._places:
            return False
        self._places.put(place)
        return True

    def earlier(self, observed: Observed) -> Observed | int | None:
        """Return what came under the id before, whole or as the sum of what it said; None: nothing. Remember it."""
        name = observed.ce_id or observed.place
        if (known := self._recent.get(name)) is not None:
            return known
        if (of_old := self._outputs.get(name)) is not None:
            return of_old
        self._outputs.put(name, _sum(observed))
        self._recent[name] = observed
        if self._most is not None and len(self._recent) > self._most:
            self._recent.popitem(last=False)
        return None

    def repeated(
        self, again: Observed, first: Observed | int, compare: Callable[[Observed, Observed], Iterable[Violation]]
    ) -> Iterable[Violation]:
        """Find what a repeat says otherwise than the *first* did."""
        if isinstance(first, Observed):
            yield from compare(first, again)
        elif first != _sum(again):
            yield Violation(7, f"event {again.ce_id}", f"{again.place} differs from what had this id before")

    def decided_as(self, decision: LeadDecided) -> bool | None:
        """Return whether a submission was decided under this very id; None where it was not decided. Remember it."""
        mine = hash(decision.decision_id) & 0xFFFFFFFF
        known = self.decided.get(decision.submission_id)
        if known is None:
            self.decided.put(decision.submission_id, mine)
            return None
        return known == mine

    def says_the_same(self, action_id: str, action: RepAction) -> bool:
        """Return whether all that came under an action's id was this action."""
        mine = hash(action) & 0xFFFFFFFF
        known = self._actions.get(action_id)
        if known is None:
            self._actions.put(action_id, mine)
        return known in (None, mine)

    def answered_alone(self, case: SubmissionCase) -> None:
        """Remember where the one record of a submission stands that was decided: it may have no dead letter."""
        records = case.history.inputs["form-submissions"]
        if case.history.decisions and len(records) == 1 and not case.is_repeat:
            self.answered.put(records[0].observed.where)

    def over(self, case: LeadCase) -> None:
        """Remember how a lead that is let go stands."""
        events = case.history.assignments
        state = State().after(events[-1]) if events else case.past
        if state is not None:
            phase = _PHASES.index(state.phase) if state.phase in _PHASES else 0
            self._leads.put(case.lead_id, state.attempt << 2 | phase)

    def past(self, lead_id: str) -> State | None:
        """Return how a lead stands that was let go; None where it is not known."""
        number = self._leads.get(lead_id)
        if number is None:
            return None
        return State(phase=_PHASES[number & 3], attempt=number >> 2)


def _sum(observed: Observed) -> int:
    """Return a number that differs where what is said differs."""
    return hash((observed.ce_type, repr(said(observed)))) & 0xFFFFFFFF
