"""
The auditor: takes records as they come, in any order and with any repeats, and judges each thing once it may be judged.

It keeps what is open, what may still be on its way, and ids for a time; what is over it
forgets. So it can follow the topics for ever, and read a log of any length.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from router.domain.audit.availability import unavailable
from router.domain.audit.capacity import Loads, max_loads, overloaded
from router.domain.audit.cases import Case, Known, LeadCase, SubmissionCase
from router.domain.audit.clocks import clocks
from router.domain.audit.filing import Files, Window
from router.domain.audit.observed import Horizon, Observed, Tolerance, Violation
from router.domain.audit.report import Report, Told
from router.domain.audit.roster import Roster
from router.events.assignment import AssignmentEvent, LeadAssigned


@dataclass(slots=True)
class _Handed:
    """An assignment that is to be judged: how many leads its rep certainly held then, what came next of its lead."""

    event: LeadAssigned
    held: int
    following: AssignmentEvent | None = None


class Auditor:
    """
    Judges promises 1 to 5 and 7 of one workspace.

    `see` every record; now and then let the time `advance`; at an end, `finish`.

    * **roster** - of every policy that was in force; give another when there is a new one.
    * **topic_prefix** - `ROUTER_TOPIC_PREFIX`, which dead letters repeat.
    """

    def __init__(
        self,
        roster: Roster,
        *,
        tolerance: Tolerance | None = None,
        topic_prefix: str = "",
        window: Window | None = None,
    ) -> None:
        self.tolerance = tolerance or Tolerance()
        self._files = Files(self.tolerance, topic_prefix, window or Window())
        self._loads = Loads()
        self._handed: deque[_Handed] = deque()
        self._latest: dict[str, _Handed] = {}
        self._suspects: list[_Handed] = []
        self._doubts: dict[tuple[str, str], Violation] = {}
        self._seen_reps: set[str] = set()
        since = self._files.window.since
        judged_from = None if since is None else since + self.tolerance.grace
        self._known = Known(self._files.people, judged_from, self._files.order.certain, self._doubted)
        self.roster = roster

    @property
    def told(self) -> Told:
        """Return the violations found so far."""
        return self._files.told

    @property
    def roster(self) -> Roster:
        """Return the roster by which assignments are judged."""
        return self._roster

    @roster.setter
    def roster(self, roster: Roster) -> None:
        self._roster = roster
        people = self._known.people
        people.known = set(roster.reps) | self._seen_reps
        people.all_known = roster.complete
        people.active = {rep_id for rep_id, rep in roster.reps.items() if rep.active}

    @property
    def open_cases(self) -> int:
        """Return how many things it holds that are not over, or not judged yet."""
        return len(self._files.cases)

    @property
    def retained(self) -> int:
        """Return how much it holds, in records or the like; ids that it only knows again are left out."""
        return self._files.retained + len(self._handed) + len(self._suspects) + len(self._loads)

    def open_leads(self, until: datetime) -> Iterator[tuple[str, bool]]:
        """Give each lead that is open by what was seen, and whether nothing about it has come since *until*."""
        for case in self._files.cases.values():
            if isinstance(case, LeadCase) and case.history.assignments and not case.is_over:
                yield case.lead_id, case.quiet_at is not None and case.quiet_at <= until

    @property
    def policies(self) -> AbstractSet[str]:
        """Return the versions of policies that records named."""
        return self._files.policies

    @property
    def sequence(self) -> int:
        """Return the last number of the sequence that is in order."""
        return (self._files.order.expected or 1) - 1

    @property
    def undecided(self) -> Iterator[Observed]:
        """Give the record of each submission that is neither decided nor rejected, as far as was seen."""
        for case in self._files.cases.values():
            if isinstance(case, SubmissionCase) and not case.is_repeat and not case.history.decisions:
                for record in case.history.inputs["form-submissions"]:
                    if not case.history.dead_letters(record.observed):
                        yield record.observed

    def see(self, observed: Observed) -> None:
        """Take one record in."""
        self._files.see(observed)

    def _doubted(self, kind: str, identifier: str, violation: Violation) -> None:
        self._doubts[kind, identifier] = violation

    # --- what is judged

    def advance(self, until: datetime, *, certain: bool = True, read_at: datetime | None = None) -> None:
        """
        Judge what may be judged, everything from before *until* having had its effect and been shown.

        * **certain** - False where that is only likely: then what seems wrong waits until it is judged with certainty,
          and only what is over and right is forgotten.
        """
        horizon = Horizon(until, strict_end=False, tolerance=self.tolerance, read_at=read_at)
        self._in_order(horizon)
        if certain:
            self._tell(self._files.order.faults())
            self._judge_suspects_again(until)
        while self._handed and horizon.settled(self._handed[0].event.at):
            self._judge_handed(self._handed.popleft(), horizon, certain=certain)
        for case in self._files.due(until):
            self._judge(case, horizon, certain=certain)
        self._files.forget(until, self._handed[0].event.at if self._handed else until - self.tolerance.settle)

    def finish(self, until: datetime, *, strict_end: bool, read_at: datetime | None = None) -> Report:
        """Judge all that is left and sum up; with *strict_end*, everything should have come to its end."""
        horizon = Horizon(until, strict_end, self.tolerance, read_at)
        self._in_order(horizon, everything=True)
        self._tell(self._files.order.faults())
        for handed in (*self._suspects, *self._handed):
            self._judge_handed(handed, horizon, certain=True)
        young = 0
        for case in list(self._files.cases.values()):
            if strict_end or case.quiet_at is None or case.quiet_at <= until:
                self._tell(case.judge(self._known, horizon), case.told)
            else:
                young += 1
            self._sum_up(case)
        self._files.judge_orphans()
        unjudged = Counter({"too young": young, "decided before": len(self._doubts)})
        return self.told.report(
            self._files.tally.counts(max_loads(self._loads)), self._files.tally.spreads(), unjudged={**+unjudged}
        )

    def doubts(self) -> Iterable[tuple[str, str]]:
        """Return the submissions and leads (kind, id) that are missing, unless they were decided before all this."""
        return tuple(self._doubts)

    def resolve(self, decided: Iterable[tuple[str, str]]) -> None:
        """Settle the doubts: *decided* were decided before; the others were not, and are violations."""
        known = set(decided)
        for doubt, violation in self._doubts.items():
            if doubt not in known:
                self.told.add(violation)
        self._doubts.clear()

    def _tell(self, violations: Iterable[Violation], told: set[tuple[int, str, str]] | None = None) -> None:
        for violation in violations:
            if told is not None:
                if violation.identity in told:
                    continue
                told.add(violation.identity)
            self.told.add(violation)

    def _in_order(self, horizon: Horizon, *, everything: bool = False) -> None:
        for event in self._files.order.release(horizon, everything=everything):
            if self._files.order.after_gap and self._files.order.after_gap[-1] == event.sequence:
                self._loads.doubt(event.sequence)
            self._follow(event)

    def _follow(self, event: AssignmentEvent) -> None:
        if event.rep_id is not None:
            self._seen_reps.add(event.rep_id)
            self._known.people.known.add(event.rep_id)
        held = self._loads.follow(event)
        if (before := self._latest.pop(event.lead_id, None)) is not None:
            before.following = event
        if isinstance(event, LeadAssigned) and event.rep_id is not None:
            handed = _Handed(event, held)
            self._handed.append(handed)
            self._latest[event.lead_id] = handed
        self._files.next_assignment(event)

    def _judge_suspects_again(self, until: datetime) -> None:
        """Put what seemed wrong back on the lists; what stands there keeps the words about its rep by itself."""
        self._handed.extendleft(reversed(self._suspects))
        self._suspects.clear()
        self._files.presences.release()
        self._files.look_at_suspects(until)

    def _judge_handed(self, handed: _Handed, horizon: Horizon, *, certain: bool) -> None:
        found = [overloaded(handed.event, handed.held, self._roster)]
        if horizon.settled(handed.event.at):
            found.append(unavailable(handed.event, handed.following, self._files.presences, self._roster, horizon))
        if certain:
            self._tell(violation for violation in found if violation is not None)
        elif any(violation is not None for violation in found):
            self._suspects.append(handed)
            self._files.presences.hold(handed.event.rep_id)
            return  # what comes next of its lead may still excuse it
        if self._latest.get(handed.event.lead_id) is handed:
            del self._latest[handed.event.lead_id]

    def _judge(self, case: Case, horizon: Horizon, *, certain: bool) -> None:
        if case.quiet_at is not None and case.quiet_at > horizon.until:
            self._files.look(case, case.quiet_at)
            return
        doubts = len(self._doubts)
        found = list(case.judge(self._known, horizon))
        if certain:
            self._tell(found, case.told)
        elif found or len(self._doubts) > doubts:
            self._forget_doubts_after(doubts)
            self._files.suspect(case)
            return
        if case.is_over:
            self._sum_up(case)
            self._files.let_go(case)
        elif case.due_at is not None:
            self._files.look(case, case.due_at)

    def _forget_doubts_after(self, count: int) -> None:
        """Take back doubts that only seem to be some: whoever settled them now would not see what is yet to come."""
        while len(self._doubts) > count:
            self._doubts.popitem()

    def _sum_up(self, case: Case) -> None:
        if isinstance(case, LeadCase):
            opened = case.openings(self._known)
            self._files.tally.lead(case.history, opened, clocks(case.history, opened)[0])
