"""The audit and the ledger's model agree: with whole loads the model keeps every promise that the topics show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.demo.script import policy_directory, rep_scripts, submissions
from router.domain.audit import Roster, audit
from router.events.base import rfc3339
from router.policy import load_policy
from tests.e2e.scenario import Scenario, Timed
from tests.e2e.scenario_companies import DATA
from tests.unit.audit_rehearsal import Rehearsal, instant

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Office:
    """The reps of the example, who follow their scripts."""

    def __init__(self) -> None:
        self.scripts = rep_scripts()
        self.offers: Counter[str] = Counter()

    def react(self, ce_type: str, data: Mapping[str, Any]) -> Iterable[tuple[datetime, str, Mapping[str, Any]]]:
        """Answer assignments, and come back after having been set away."""
        if ce_type == "lead.assigned.v1":
            rep_id = data["rep_id"]
            self.offers[rep_id] += 1
            for move in self.scripts[rep_id].answer(self.offers[rep_id], must_accept=data["accept_by"] is not None):
                at = instant(data) + move.after
                action_id = f"{move.action}-{data['sequence']}"
                said = {"action_id": action_id, "lead_id": data["lead_id"], "rep_id": rep_id, "action": move.action}
                yield at, "rep-actions", {**said, "at": rfc3339(at), "attempt": data["attempt"]}
        elif ce_type == "rep.presence.v1" and data.get("source") == "router":
            at = instant(data) + self.scripts[data["rep_id"]].returns_after
            back = {"rep_id": data["rep_id"], "status": "available", "at": rfc3339(at), "ttl_seconds": 0}
            yield at, "rep-presence", back


def test_the_example_keeps_every_promise() -> None:
    """The shipped example, played on the model, drains, breaks nothing, and shows each turn at least once."""
    policy, office = load_policy(policy_directory()).policy, Office()
    run = Rehearsal(policy, START, office.react)
    for rep_id, script in office.scripts.items():
        for sign in script.presence:
            at = START + sign.after
            data = {"rep_id": rep_id, "status": sign.status, "at": rfc3339(at), "ttl_seconds": sign.ttl_seconds}
            run.send(at, "rep-presence", data)
    for planned in submissions(START + timedelta(milliseconds=500)):
        run.send(planned.at, "form-submissions", planned.data)
    run.play(START + timedelta(seconds=60))

    report = audit(run.records, Roster.of(policy), until=run.now, strict_end=True)

    assert [str(violation) for violation in report.violations] == []
    assert min(report.counts.by_to[to] for to in ("sales", "nurture", "none", "attached")) > 0
    assert min(report.counts.assignments[each] for each in ("assigned", "accepted", "unassigned", "queued")) > 0
    assert report.counts.clocks["met"] > 80
    assert 0 < report.counts.clocks["breached"] < 20
    assert report.counts.dead_letters == {"schema": 2}
    reasons = Counter(r.data["reason"] for r in run.records if r.ce_type == "lead.unassigned.v1" and r.data)
    assert {"declined", "accept_timeout", "rep_unavailable"} <= set(reasons)


@pytest.mark.skipif(not DATA.is_dir(), reason="the data for checks is not beside the project")
def test_the_large_load_drains_and_keeps_every_promise(tmp_path: Path) -> None:
    """Hundreds of submissions come to their ends in order, however reps decline, miss and leave."""
    scenario = Scenario.make(600, first_touch=timedelta(seconds=10), accept_within=timedelta(seconds=2))
    policy = load_policy(scenario.write_policy(tmp_path / "policy")).policy

    def react(ce_type: str, data: Mapping[str, Any]) -> Iterable[tuple[datetime, str, Mapping[str, Any]]]:
        if ce_type == "lead.assigned.v1":
            return map(as_sent, scenario.react(data))
        return map(as_sent, scenario.come_back(data)) if ce_type == "rep.presence.v1" else ()

    run = Rehearsal(policy, START, react)
    length = timedelta(seconds=40)
    for timed in (*scenario.presence(START, length), *scenario.submissions(START + timedelta(seconds=1), length)):
        run.send(*as_sent(timed))
    run.play(START + timedelta(seconds=100))

    report = audit(run.records, Roster.of(policy), until=run.now, strict_end=True)

    assert [str(violation) for violation in report.violations] == []
    assert report.counts.submissions == 600
    assert report.counts.by_to["sales"] > 120
    assert report.counts.clocks["breached"] > 0


def as_sent(timed: Timed) -> tuple[datetime, str, Mapping[str, Any]]:
    """Return when a record is sent, to which topic, and its data."""
    return timed.at, timed.record.topic, orjson.loads(timed.record.value or b"")
