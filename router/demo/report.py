"""What the demo came to, computed from the records of the topics; how it is printed is left to `report_view`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from router.demo.wording import SCALE
from router.domain.audit import Observed, Report, Roster, Spread, audit
from router.domain.audit.counts import spread
from router.domain.policy import Policy
from router.events import TOPICS
from router.events.base import parse_instant

PROMISES = (1, 2, 3, 4, 5, 7)
"""What the topics alone can show."""

STAGES = ("sql", "iql", "mql", "lead", "rejected")
DESTINATIONS = ("sales", "nurture", "none", "attached")


@dataclass(frozen=True, slots=True)
class RepTotal:
    """What one rep did, and how often they were passed over, by the code of the reason."""

    name: str
    assigned: int
    called: int
    lost: Mapping[str, int]
    passed_over: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DemoReport:
    """
    The whole run.

    * **stages** - decisions by stage, then by destination; `test` ones are left out.
    * **to_rep** - from form to the first rep, of all leads; **to_free_rep** - of those where one was free at once;
      **to_waited_rep** - of those that waited in a queue. None where there was no such lead.
    * **to_touch** - from form to first contact, in the demo's time.
    * **first_assigned** - from the start of the command to the first assignment.
    """

    audit: Report
    events: int
    topics: int
    stages: Mapping[str, Mapping[str, int]]
    to_rep: Spread | None
    to_free_rep: Spread | None
    to_waited_rep: Spread | None
    to_touch: Spread | None
    reps: Mapping[str, RepTotal]
    first_assigned: timedelta | None
    took: timedelta

    def as_json(self) -> Mapping[str, object]:
        """Return the report for a program; durations are seconds of the demo, not of the life that they stand for."""
        counts = self.audit.counts
        return {
            "events": self.events,
            "forms": {
                "records": counts.records.get("form-submissions", 0),
                "different": counts.submissions,
                "tests": counts.tests,
                "dead_letters": dict(counts.dead_letters),
            },
            "stages": {stage: dict(to) for stage, to in self.stages.items()},
            "to": dict(counts.by_to),
            "iql": sum(self.stages.get("iql", {}).values()),
            "sql": sum(self.stages.get("sql", {}).values()),
            "seconds": {
                "form_to_rep": _seconds(self.to_rep),
                "form_to_rep_where_one_was_free": _seconds(self.to_free_rep),
                "form_to_rep_after_waiting": _seconds(self.to_waited_rep),
                "form_to_first_touch": _seconds(self.to_touch),
                "start_to_first_assignment": None
                if self.first_assigned is None
                else self.first_assigned.total_seconds(),
                "start_to_end": self.took.total_seconds(),
                "of_life_to_one_of_the_demo": SCALE,
            },
            "clocks": dict(counts.clocks),
            "reps": {
                rep_id: {
                    "name": rep.name,
                    "assigned": rep.assigned,
                    "called": rep.called,
                    "lost": dict(rep.lost),
                    "passed_over": dict(rep.passed_over),
                }
                for rep_id, rep in self.reps.items()
            },
            "audit": {
                "holds": self.audit.holds,
                "promises": list(PROMISES),
                "found": {str(promise): count for promise, count in self.audit.found.items()},
                "violations": [str(violation) for violation in self.audit.violations],
            },
        }


def report(
    records: Sequence[Observed], policy: Policy, *, began: datetime, ended: datetime, read_until: datetime
) -> DemoReport:
    """
    Sum up and judge *records*, all of one run that has come to its end.

    * **began**, **ended** - when the command was started, and when the run was over.
    * **read_until** - the time up to which the topics were read.
    """
    facts = list(_once(records))
    assignments = sorted(
        (fact for fact in facts if fact.topic == "lead-assignments"), key=lambda fact: _data(fact)["sequence"]
    )
    free, waited, touched = _delays(assignments)
    assigned_at = [parse_instant(_data(fact)["at"]) for fact in assignments if fact.ce_type == "lead.assigned.v1"]
    return DemoReport(
        audit=audit(records, Roster.of(policy), until=read_until, strict_end=True),
        events=len(records),
        topics=len({record.topic for record in records} & TOPICS.keys()),
        stages=_stages(facts),
        to_rep=_spread([*free, *waited]),
        to_free_rep=_spread(free),
        to_waited_rep=_spread(waited),
        to_touch=_spread(touched),
        reps=_reps(assignments, policy),
        first_assigned=min(assigned_at) - began if assigned_at else None,
        took=ended - began,
    )


def _once(records: Iterable[Observed]) -> Iterable[Observed]:
    """Yield each output once, however often it was published."""
    seen: set[str] = set()
    for record in records:
        if record.ce_id is not None and record.ce_id not in seen:
            seen.add(record.ce_id)
            yield record


def _data(fact: Observed) -> Mapping[str, Any]:
    return fact.data or {}


def _stages(facts: Iterable[Observed]) -> Mapping[str, Mapping[str, int]]:
    counted: dict[str, Counter[str]] = {stage: Counter() for stage in STAGES}
    for fact in facts:
        if fact.ce_type == "lead.decided.v1" and not _data(fact)["test"]:
            counted[_data(fact)["stage"]][_data(fact)["to"]] += 1
    return counted


def _delays(assignments: Iterable[Observed]) -> tuple[list[timedelta], list[timedelta], list[timedelta]]:
    """Return form to rep where one was free, form to rep after waiting, and form to first contact."""
    free: list[timedelta] = []
    waited: list[timedelta] = []
    touched: list[timedelta] = []
    queued: set[tuple[str, str]] = set()
    placed: set[tuple[str, str]] = set()
    for fact in assignments:
        data = _data(fact)
        opening = (data["lead_id"], data["submission_id"])
        submitted_at = parse_instant(data["submitted_at"])
        match fact.ce_type:
            case "lead.queued.v1" if opening not in placed:
                queued.add(opening)
            case "lead.assigned.v1" if opening not in placed:
                placed.add(opening)
                (waited if opening in queued else free).append(parse_instant(data["at"]) - submitted_at)
            case "lead.touched.v1":
                touched.append(parse_instant(data["acted_at"]) - submitted_at)
    return free, waited, touched


def _reps(assignments: Sequence[Observed], policy: Policy) -> Mapping[str, RepTotal]:
    assigned, called = Counter[str](), Counter[str]()
    lost: dict[str, Counter[str]] = {rep_id: Counter() for rep_id in policy.reps}
    passed: dict[str, Counter[str]] = {rep_id: Counter() for rep_id in policy.reps}
    for fact in assignments:
        data = _data(fact)
        match fact.ce_type:
            case "lead.assigned.v1":
                assigned[data["rep_id"]] += 1
                for each in data["candidates"]:
                    if not each["eligible"]:
                        passed[each["rep_id"]][each["code"]] += 1
            case "lead.unassigned.v1":
                lost[data["rep_id"]][data["reason"]] += 1
            case "lead.touched.v1":
                called[data["rep_id"]] += 1
    return {
        rep.id: RepTotal(rep.name, assigned[rep.id], called[rep.id], lost[rep.id], passed[rep.id])
        for rep in policy.reps.values()
    }


def _spread(values: Sequence[timedelta]) -> Spread | None:
    return spread(values) if values else None


def _seconds(values: Spread | None) -> Mapping[str, object] | None:
    if values is None:
        return None
    return {
        "count": values.count,
        "p50": values.p50.total_seconds(),
        "p99": values.p99.total_seconds(),
        "longest": values.longest.total_seconds(),
    }
