"""
The auditor: takes records as they come, in any order and with any repeats, and judges each thing once it may be judged.

It keeps what is open, what may still be on its way, and ids for a time; what is over it
forgets. So it can follow the topics for ever, and read a log of any length.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.domain.audit.availability import Presences, unavailable
from router.domain.audit.capacity import Loads, max_loads, overloaded
from router.domain.audit.cases import Case, Known, LeadCase, RecordCase, SubmissionCase
from router.domain.audit.clocks import clocks
from router.domain.audit.counts import Tally
from router.domain.audit.history import Place, Record, read_input, read_output, repeated
from router.domain.audit.ids import Ids
from router.domain.audit.observed import Horizon, Observed, Tolerance, Violation
from router.domain.audit.order import Order
from router.domain.audit.owner import State
from router.domain.audit.report import Report, Told
from router.domain.audit.roster import Roster
from router.domain.audit.unheard import People
from router.events import INPUT_TOPICS
from router.events.action import RepAction
from router.events.assignment import AssignmentEvent, LeadAssigned
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.rejection import EventRejected
from router.events.sla import SlaEvent
from router.events.submission import FormSubmitted

BARELY = timedelta(milliseconds=1)


@dataclass(slots=True)
class _Handed:
    """An assignment that is to be judged: how many leads its rep certainly held then, what came next of its lead."""

    event: LeadAssigned
    held: int
    following: AssignmentEvent | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """
    What an auditor is shown.

    * **since** - records from before this are shown only so that what follows is understood; None where the log is
      shown from its beginning.
    * **keep_ids** - how long ids of what is over are remembered: at least as long as the router remembers them.
      None for ever.
    """

    since: datetime | None = None
    keep_ids: timedelta | None = None


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
        self.told = Told()
        self._window = window or Window()
        self._prefix = topic_prefix
        self._ids = Ids(self._window.keep_ids)
        self._order = Order.over(1 if self._window.since is None else None, self._ids.sequences)
        self._tally = Tally()
        self._loads = Loads()
        self._presences = Presences()
        self._handed: deque[_Handed] = deque()
        self._latest: dict[str, _Handed] = {}
        self._suspects: list[_Handed] = []
        self._cases: dict[tuple[str, object], Case] = {}
        self._by_place: dict[Place, Case] = {}
        self._orphans: dict[Place, list[EventRejected]] = {}
        self._due: list[tuple[datetime, int, Case]] = []
        self._count = itertools.count()
        self._frontier: datetime | None = None
        self._doubts: dict[tuple[str, str], Violation] = {}
        self._seen_reps: set[str] = set()
        self._policies: set[str] = set()
        since = self._window.since
        judged_from = None if since is None else since + self.tolerance.grace
        self._known = Known(People(), judged_from, self._order.certain, self._doubted)
        self.roster = roster

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
        return len(self._cases)

    @property
    def retained(self) -> int:
        """Return how much it holds, in records or the like; ids that it only knows again are left out."""
        cases = len(self._cases) + len(self._by_place) + len(self._orphans)
        assignments = len(self._handed) + len(self._suspects) + len(self._loads) + self._order.held_back
        return cases + assignments + len(self._presences) + self._ids.held

    def open_leads(self, until: datetime) -> Iterator[tuple[str, bool]]:
        """Give each lead that is open by what was seen, and whether nothing about it has come since *until*."""
        for case in self._cases.values():
            if isinstance(case, LeadCase) and case.history.assignments and not case.is_over:
                yield case.lead_id, case.quiet_at is not None and case.quiet_at <= until

    @property
    def policies(self) -> AbstractSet[str]:
        """Return the versions of policies that records named."""
        return self._policies

    @property
    def sequence(self) -> int:
        """Return the last number of the sequence that is in order."""
        return (self._order.expected or 1) - 1

    @property
    def undecided(self) -> Iterator[Observed]:
        """Give the record of each submission that is neither decided nor rejected, as far as was seen."""
        for case in self._cases.values():
            if isinstance(case, SubmissionCase) and not case.is_repeat and not case.history.decisions:
                for record in case.history.inputs["form-submissions"]:
                    if not case.history.dead_letters(record.observed):
                        yield record.observed

    # --- what comes in

    def see(self, observed: Observed) -> None:
        """Take one record in."""
        if not self._ids.first_time(observed.where):
            return
        if observed.written_at is not None:
            self._frontier = max(self._frontier or observed.written_at, observed.written_at)
        if observed.topic in INPUT_TOPICS:
            self._input(observed)
            return
        earlier = self._ids.earlier(observed)
        if earlier is None:
            event = read_output(observed)
            if isinstance(event, Violation):
                self.told.add(event)
            else:
                self._output(observed, event)
        elif earlier != observed:
            for violation in self._ids.repeated(observed, earlier, repeated):
                self.told.add(violation)

    def _input(self, observed: Observed) -> None:
        event = read_input(observed)
        if isinstance(event, RepPresence) and observed.where not in self._orphans:
            self._presences.add(observed, event)
        since = self._window.since
        if since is not None and observed.written_at is not None and observed.written_at < since:
            return
        self._tally.records[observed.topic] += 1
        case = self._case_of_input(observed, event)
        case.history.inputs[observed.topic].append(Record(observed, event))
        case.history.rejected[observed.where] += self._orphans.pop(observed.where, [])
        self._by_place[observed.where] = case
        self._touch(case, observed.written_at)

    def _case_of_input(self, observed: Observed, event: EventData | None) -> Case:
        if isinstance(event, FormSubmitted):
            case = self._submission(event.submission_id, is_repeat=event.submission_id in self._ids.decided)
            if not case.is_repeat and not any(record.event for record in case.history.inputs["form-submissions"]):
                self._tally.submissions += 1
            return case
        if isinstance(event, RepAction):
            if not self._ids.says_the_same(event.action_id, event):
                self._known.people.ambiguous.add(event.action_id)
            return self._lead(event.lead_id)
        if isinstance(event, LeadOutcome):
            return self._lead(event.lead_id)
        named = (observed.data or {}).get("submission_id")
        if observed.topic == "form-submissions" and isinstance(named, str):
            return self._submission(named, is_repeat=named in self._ids.decided)
        return self._cases.setdefault(("record", observed.where), RecordCase())

    def _submission(self, submission_id: str, *, is_repeat: bool) -> SubmissionCase:
        case = self._cases.get(("submission", submission_id))
        if not isinstance(case, SubmissionCase):
            case = SubmissionCase(submission_id=submission_id, is_repeat=is_repeat)
            self._cases["submission", submission_id] = case
        return case

    def _lead(self, lead_id: str) -> LeadCase:
        case = self._cases.get(("lead", lead_id))
        if not isinstance(case, LeadCase):
            before = self._ids.past(lead_id)
            all_known = self._window.since is None and not self._ids.forgetful
            past = before if before is not None else State() if all_known else None
            case = LeadCase(lead_id=lead_id, past=past, is_new=before is None and all_known)
            self._cases["lead", lead_id] = case
        return case

    def _output(self, observed: Observed, event: EventData) -> None:
        match event:
            case AssignmentEvent():
                self._assignment(observed, event)
            case LeadDecided():
                self._decided(observed, event)
            case SlaEvent() if not self._before(event.at):
                lead = self._lead(event.lead_id)
                if self._new_to(lead, observed):
                    lead.history.sla.append((observed.ce_type or "", event))
            case NotificationRequested():
                self._tally.notifications[str(event.kind)] += 1
                lead = self._lead(event.lead_id)
                if self._new_to(lead, observed):
                    lead.history.notifications.append(event)
            case EventRejected():
                self._letter(observed, event)

    def _before(self, at: datetime) -> bool:
        return self._window.since is not None and at < self._window.since

    def _new_to(self, lead: LeadCase, observed: Observed) -> bool:
        self._touch(lead, observed.written_at)
        identifier = observed.ce_id or observed.place
        known = identifier in lead.ids
        lead.ids.add(identifier)
        return not known

    def _assignment(self, observed: Observed, event: AssignmentEvent) -> None:
        if self._before(event.at):
            return
        if (late := self._order.add(observed.ce_id or observed.place, event)) is not None:
            case = self._lead(late.lead_id)
            case.history.assignments.append(late)
            self._tally.assigned(late)
            self._touch(case, self._frontier)

    def _decided(self, observed: Observed, event: LeadDecided) -> None:
        submission, same = ("submission", event.submission_id), self._ids.decided_as(event)
        if submission not in self._cases and same is not None:
            if not same:
                problem = "has 2 decisions (2 decision ids) instead of one"
                self.told.add(Violation(7, f"submission {event.submission_id}", problem))
            return
        case = self._submission(event.submission_id, is_repeat=False)
        self._policies.add(event.policy_version)
        if not case.history.decisions and not self._before(event.decided_at):
            self._tally.decided(event)
        case.history.decisions[event.submission_id].append(event)
        self._touch(case, observed.written_at)
        lead = self._lead(event.lead_id)
        lead.history.decisions[event.submission_id].append(event)
        self._touch(lead, observed.written_at)

    def _letter(self, observed: Observed, event: EventRejected) -> None:
        self._tally.dead_letters[str(event.code)] += 1
        place = (event.source_topic.removeprefix(self._prefix), event.source_partition, event.source_offset)
        case = self._by_place.get(place)
        if case is None:
            self._orphans.setdefault(place, []).append(event)
            return
        case.history.rejected[place].append(event)
        for record in case.history.inputs["rep-presence"]:
            if isinstance(record.event, RepPresence):
                self._presences.discard(record.observed, record.event)
        self._touch(case, observed.written_at)

    def _touch(self, case: Case, written_at: datetime | None) -> None:
        """Put off judging: more of the kind may be on its way."""
        if written_at is not None:
            quiet_at = written_at + self.tolerance.settle + BARELY
            case.quiet_at = max(case.quiet_at or quiet_at, quiet_at)
            self._look(case, case.quiet_at)

    def _look(self, case: Case, at: datetime) -> None:
        if case.queued is None or at < case.queued:
            case.queued = at
            heapq.heappush(self._due, (at, next(self._count), case))

    def _doubted(self, kind: str, identifier: str, violation: Violation) -> None:
        self._doubts[kind, identifier] = violation

    # --- what is judged

    def advance(self, until: datetime, *, certain: bool = True, read_at: datetime | None = None) -> None:
        """
        Judge what may be judged, everything from before *until* having had its effect and been shown.

        * **certain** - False where that is only likely: then what seems wrong waits for `finish`, and only what is
          over and right is forgotten.
        """
        horizon = Horizon(until, strict_end=False, tolerance=self.tolerance, read_at=read_at)
        self._in_order(horizon)
        if certain:
            self._tell(self._order.faults())
        while self._handed and horizon.settled(self._handed[0].event.at):
            self._judge_handed(self._handed.popleft(), horizon, certain=certain)
        while self._due and self._due[0][0] <= until:
            at, _, case = heapq.heappop(self._due)
            if case.queued == at:
                case.queued = None
                self._judge(case, horizon, certain=certain)
        self._forget(until)

    def finish(self, until: datetime, *, strict_end: bool, read_at: datetime | None = None) -> Report:
        """Judge all that is left and sum up; with *strict_end*, everything should have come to its end."""
        horizon = Horizon(until, strict_end, self.tolerance, read_at)
        self._in_order(horizon, everything=True)
        self._tell(self._order.faults())
        for handed in (*self._suspects, *self._handed):
            self._judge_handed(handed, horizon, certain=True)
        young = 0
        for case in list(self._cases.values()):
            if strict_end or case.quiet_at is None or case.quiet_at <= until:
                self._tell(case.judge(self._known, horizon), case.told)
            else:
                young += 1
            self._sum_up(case)
        self._tell(_rejected_twice(self._orphans))
        unjudged = Counter({"too young": young, "decided before": len(self._doubts)})
        return self.told.report(
            self._tally.counts(max_loads(self._loads)), self._tally.spreads(), unjudged={**+unjudged}
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
        for event in self._order.release(horizon, everything=everything):
            if self._order.after_gap and self._order.after_gap[-1] == event.sequence:
                self._loads.doubt(event.sequence)
            self._follow(event)

    def _follow(self, event: AssignmentEvent) -> None:
        self._tally.assigned(event)
        self._policies.add(event.policy_version)
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
        case = self._lead(event.lead_id)
        case.history.assignments.append(event)
        self._touch(case, self._frontier)

    def _judge_handed(self, handed: _Handed, horizon: Horizon, *, certain: bool) -> None:
        if self._latest.get(handed.event.lead_id) is handed:
            del self._latest[handed.event.lead_id]
        found = [overloaded(handed.event, handed.held, self._roster)]
        if horizon.settled(handed.event.at):
            found.append(unavailable(handed.event, handed.following, self._presences, self._roster, horizon))
        if certain:
            self._tell(violation for violation in found if violation is not None)
        elif any(violation is not None for violation in found):
            self._suspects.append(handed)
            self._presences.hold(handed.event.rep_id)

    def _judge(self, case: Case, horizon: Horizon, *, certain: bool) -> None:
        if case.quiet_at is not None and case.quiet_at > horizon.until:
            self._look(case, case.quiet_at)
            return
        doubts = len(self._doubts)
        found = list(case.judge(self._known, horizon))
        if certain:
            self._tell(found, case.told)
        if case.is_over and (certain or not (found or len(self._doubts) > doubts)):
            self._let_go(case)
        elif case.due_at is not None:
            self._look(case, case.due_at)

    def _let_go(self, case: Case) -> None:
        self._sum_up(case)
        key: tuple[str, object]
        if isinstance(case, LeadCase):
            key = ("lead", case.lead_id)
            self._ids.over(case)
        elif isinstance(case, SubmissionCase):
            key = ("submission", case.submission_id)
        else:
            key = ("record", next(record.observed.where for each in case.history.inputs.values() for record in each))
        del self._cases[key]
        for records in case.history.inputs.values():
            for record in records:
                self._by_place.pop(record.observed.where, None)

    def _sum_up(self, case: Case) -> None:
        if isinstance(case, LeadCase):
            opened = case.openings(self._known)
            self._tally.lead(case.history, opened, clocks(case.history, opened)[0])

    def _forget(self, until: datetime) -> None:
        self._ids.grow_old(until)
        oldest = self._handed[0].event.at if self._handed else until - self.tolerance.settle
        self._presences.forget(min(oldest, until) - 2 * self.tolerance.grace, self.tolerance.grace)
        old = until - self.tolerance.settle - self.tolerance.grace
        gone = {place: each for place, each in self._orphans.items() if each[0].rejected_at < old}
        self._tell(_rejected_twice(gone))
        for place in gone:
            del self._orphans[place]


def _rejected_twice(letters: dict[Place, list[EventRejected]]) -> Iterator[Violation]:
    for (topic, partition, offset), each in letters.items():
        if len(each) > 1:
            yield Violation(1, f"{topic}/{partition}@{offset}", f"has {len(each)} dead letters instead of one")
