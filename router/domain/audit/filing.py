"""
Files records: each goes to the thing that it is about, once, however often and in whatever order it comes.

What is judged, and when, is left to `stream`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.domain.audit.availability import Presences
from router.domain.audit.cases import Case, LeadCase, RecordCase, SubmissionCase
from router.domain.audit.counts import Tally
from router.domain.audit.history import Place, Record, read_input, read_output, repeated
from router.domain.audit.ids import Ids
from router.domain.audit.observed import Observed, Tolerance, Violation, written
from router.domain.audit.order import Order
from router.domain.audit.owner import State
from router.domain.audit.report import Told
from router.domain.audit.unheard import People
from router.events import INPUT_TOPICS
from router.events.action import RepAction
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.rejection import EventRejected
from router.events.sla import SlaEvent
from router.events.submission import FormSubmitted

BARELY = timedelta(milliseconds=1)


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


class Files:
    """
    All that is known and not yet forgotten.

    * **cases** - the things that are not over, or not judged yet.
    * **policies** - the versions of policies that records named.
    """

    def __init__(self, tolerance: Tolerance, topic_prefix: str, window: Window) -> None:
        self.tolerance = tolerance
        self.window = window
        self.told = Told()
        self.tally = Tally()
        self.people = People()
        self.presences = Presences()
        self.ids = Ids(window.keep_ids)
        self.order = Order.over(1 if window.since is None else None, self.ids.sequences)
        self.cases: dict[tuple[str, object], Case] = {}
        self.policies: set[str] = set()
        self._prefix = topic_prefix
        self._by_place: dict[Place, Case] = {}
        self._orphans: dict[Place, list[EventRejected]] = {}
        self._due: list[tuple[datetime, int, Case]] = []
        self._suspect: dict[Case, None] = {}
        self._count = itertools.count()
        self._frontier: datetime | None = None

    @property
    def retained(self) -> int:
        """Return how much is held, in records or the like; ids that are only known again are left out."""
        cases = len(self.cases) + len(self._by_place) + len(self._orphans)
        return cases + self.order.held_back + len(self.presences) + self.ids.held

    def see(self, observed: Observed) -> None:
        """Take one record in."""
        if not self.ids.first_time(observed.where):
            return
        if observed.written_at is not None:
            self._frontier = max(self._frontier or observed.written_at, observed.written_at)
        if observed.topic in INPUT_TOPICS:
            self._input(observed)
            return
        earlier = self.ids.earlier(observed)
        if earlier is None:
            event = read_output(observed)
            if isinstance(event, Violation):
                self.told.add(event)
            else:
                self._output(observed, event)
        elif earlier != observed:
            for violation in self.ids.repeated(observed, earlier, repeated):
                self.told.add(violation)

    def _input(self, observed: Observed) -> None:
        event = read_input(observed)
        if isinstance(event, RepPresence) and observed.where not in self._orphans:
            self.presences.add(observed, event)
        since = self.window.since
        if since is not None and observed.written_at is not None and observed.written_at < since:
            return
        self.tally.records[observed.topic] += 1
        case = self._case_of_input(observed, event)
        case.history.inputs[observed.topic].append(Record(observed, event))
        case.history.rejected[observed.where] += self._orphans.pop(observed.where, [])
        self._by_place[observed.where] = case
        self._touch(case, observed.written_at)

    def _case_of_input(self, observed: Observed, event: EventData | None) -> Case:
        if isinstance(event, FormSubmitted):
            case = self._submission(event.submission_id, is_repeat=event.submission_id in self.ids.decided)
            if not case.is_repeat and not any(record.event for record in case.history.inputs["form-submissions"]):
                self.tally.submissions += 1
            return case
        if isinstance(event, RepAction):
            if not self.ids.says_the_same(event.action_id, event):
                self.people.ambiguous.add(event.action_id)
            return self._lead(event.lead_id)
        if isinstance(event, LeadOutcome):
            return self._lead(event.lead_id)
        named = (observed.data or {}).get("submission_id")
        if observed.topic == "form-submissions" and isinstance(named, str):
            return self._submission(named, is_repeat=named in self.ids.decided)
        return self.cases.setdefault(("record", observed.where), RecordCase())

    def _submission(self, submission_id: str, *, is_repeat: bool) -> SubmissionCase:
        case = self.cases.get(("submission", submission_id))
        if not isinstance(case, SubmissionCase):
            case = SubmissionCase(submission_id=submission_id, is_repeat=is_repeat)
            self.cases["submission", submission_id] = case
        return case

    def _lead(self, lead_id: str) -> LeadCase:
        case = self.cases.get(("lead", lead_id))
        if not isinstance(case, LeadCase):
            before = self.ids.past(lead_id)
            all_known = self.window.since is None and not self.ids.forgetful
            past = before if before is not None else State() if all_known else None
            case = LeadCase(lead_id=lead_id, past=past, is_new=before is None and all_known)
            self.cases["lead", lead_id] = case
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
                self.tally.notifications[str(event.kind)] += 1
                lead = self._lead(event.lead_id)
                if self._new_to(lead, observed):
                    lead.history.notifications.append(event)
            case EventRejected():
                self._letter(observed, event)

    def _before(self, at: datetime) -> bool:
        return self.window.since is not None and at < self.window.since

    def _new_to(self, lead: LeadCase, observed: Observed) -> bool:
        self._touch(lead, observed.written_at)
        identifier = observed.ce_id or observed.place
        known = identifier in lead.ids
        lead.ids.add(identifier)
        return not known

    def _assignment(self, observed: Observed, event: AssignmentEvent) -> None:
        if self._before(event.at):
            return
        if (late := self.order.add(observed.ce_id or observed.place, event)) is not None:
            case = self._lead(late.lead_id)
            case.history.assignments.append(late)
            self.tally.assigned(late)
            self._touch(case, self._frontier)

    def _decided(self, observed: Observed, event: LeadDecided) -> None:
        submission, same = ("submission", event.submission_id), self.ids.decided_as(event)
        if submission not in self.cases and same is not None:
            if not same:
                problem = "has 2 decisions (2 decision ids) instead of one"
                self.told.add(Violation(7, f"submission {event.submission_id}", problem))
            return
        case = self._submission(event.submission_id, is_repeat=False)
        self.policies.add(event.policy_version)
        if not case.history.decisions and not self._before(event.decided_at):
            self.tally.decided(event)
        case.history.decisions[event.submission_id].append(event)
        self._touch(case, observed.written_at)
        lead = self._lead(event.lead_id)
        lead.history.decisions[event.submission_id].append(event)
        self._touch(lead, observed.written_at)

    def _letter(self, observed: Observed, event: EventRejected) -> None:
        self.tally.dead_letters[str(event.code)] += 1
        place = (event.source_topic.removeprefix(self._prefix), event.source_partition, event.source_offset)
        case = self._by_place.get(place)
        if case is None:
            if place in self.ids.answered:
                problem = f"the submission was decided and has a dead letter too ({event.code})"
                self.told.add(Violation(1, written(place), problem))
            self._orphans.setdefault(place, []).append(event)
            return
        case.history.rejected[place].append(event)
        for record in case.history.inputs["rep-presence"]:
            if isinstance(record.event, RepPresence):
                self.presences.discard(record.observed, record.event)
        self._touch(case, observed.written_at)

    def _touch(self, case: Case, written_at: datetime | None) -> None:
        """Put off judging: more of the kind may be on its way."""
        if written_at is not None:
            quiet_at = written_at + self.tolerance.settle + BARELY
            case.quiet_at = max(case.quiet_at or quiet_at, quiet_at)
            self.look(case, case.quiet_at)

    def look(self, case: Case, at: datetime) -> None:
        """Have a case looked at *at*, or before."""
        if case.queued is None or at < case.queued:
            case.queued = at
            heapq.heappush(self._due, (at, next(self._count), case))

    def suspect(self, case: Case) -> None:
        """Keep a case that seems wrong until somebody can look at it with certainty."""
        self._suspect[case] = None

    def look_at_suspects(self, at: datetime) -> None:
        """Have every case that seemed wrong looked at *at*, or before."""
        for case in self._suspect:
            self.look(case, at)
        self._suspect.clear()

    def next_assignment(self, event: AssignmentEvent) -> None:
        """File an assignment event, which is in order now."""
        self.tally.assigned(event)
        self.policies.add(event.policy_version)
        case = self._lead(event.lead_id)
        case.history.assignments.append(event)
        self._touch(case, self._frontier)

    def due(self, until: datetime) -> Iterator[Case]:
        """Give the cases that are to be looked at by *until*."""
        while self._due and self._due[0][0] <= until:
            at, _, case = heapq.heappop(self._due)
            if case.queued == at:
                case.queued = None
                yield case

    def let_go(self, case: Case) -> None:
        """Forget a case that is over."""
        key: tuple[str, object]
        if isinstance(case, LeadCase):
            key = ("lead", case.lead_id)
            self.ids.over(case)
        elif isinstance(case, SubmissionCase):
            key = ("submission", case.submission_id)
            self.ids.answered_alone(case)
        else:
            key = ("record", next(record.observed.where for each in case.history.inputs.values() for record in each))
        del self.cases[key]
        self._suspect.pop(case, None)
        for records in case.history.inputs.values():
            for record in records:
                self._by_place.pop(record.observed.where, None)

    def forget(self, until: datetime, oldest: datetime) -> None:
        """Let go of ids, letters and words about reps that nothing can need; *oldest* is still to be judged."""
        self.ids.grow_old(until)
        grace = self.tolerance.grace
        self.presences.forget(min(oldest, until) - 2 * grace, grace)
        for place, letters in list(self._orphans.items()):
            if letters[0].rejected_at < until - self.tolerance.settle - grace:
                self._judge_letters(place, self._orphans.pop(place))

    def judge_orphans(self) -> None:
        """Judge the dead letters of records that were not seen."""
        for place, letters in self._orphans.items():
            self._judge_letters(place, letters)

    def _judge_letters(self, place: Place, letters: list[EventRejected]) -> None:
        if len(letters) > 1:
            self.told.add(Violation(1, written(place), f"has {len(letters)} dead letters instead of one"))
