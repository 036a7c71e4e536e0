"""Single leads on their way, told by the topics: offered, missed, declined, widened, accepted, touched, breached."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.domain.audit import audit
from router.domain.audit.roster import Roster
from router.policy.load import load_policy
from tests.e2e import story_policy
from tests.e2e.play import moment
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.story_policy import ACCEPT_WITHIN, FIRST_TOUCH, WIDEN_AFTER
from tests.e2e.story_world import STORIES, World
from tests.e2e.witness import Seen, witnessing

SOON = 0.5
"""Seconds within which a timer fires."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> Site:
    """A deployment on the embedded log, with the configuration of these stories."""
    return site_in(tmp_path, monkeypatch, prefix, story_policy.write(tmp_path / "config"))


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def running(request: pytest.FixtureRequest, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The deployment with its workers: one process on the embedded log, two on Kafka and Redis."""
    if request.param == "kafka":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    with ExitStack() as workers:
        for command in ["up"] if request.param == "embedded" else ["worker", "worker"]:
            workers.callback(site.start_worker(command).stop)
        yield site


@dataclass(frozen=True, slots=True)
class Told:
    """All that was told, sorted by lead; a lead goes by the name of its submission."""

    seen: Sequence[Seen]
    leads: Mapping[str, str]

    def of(self, topic: str, name: str) -> list[Seen]:
        """Return what a topic says of a lead; assignments by their sequence, the others by the router's time."""
        found = [seen for seen in self.seen if seen.record.topic == topic and seen.data["lead_id"] == self.leads[name]]
        return sorted(found, key=lambda seen: seen.data.get("sequence", 0) or seen.data.get("at", ""))

    def assignment(self, name: str, kind: str, attempt: int) -> dict[str, Any]:
        """Return the one event of this kind on this attempt."""
        (found,) = [
            seen for seen in self.of("lead-assignments", name) if (seen.type, seen.data["attempt"]) == (kind, attempt)
        ]
        return found.data

    def course(self, name: str) -> list[tuple[Any, ...]]:
        """Return what happened to a lead: type, rep, attempt, step, pool, reason."""
        fields = ("rep_id", "attempt", "step", "pool", "reason")
        return [(seen.type, *(seen.data[field] for field in fields)) for seen in self.of("lead-assignments", name)]

    def notified(self, name: str) -> Counter[tuple[str, str, int]]:
        """Return who heard what of a lead: kind, recipient, attempt."""
        return Counter(
            (seen.data["kind"], seen.data["recipient"]["id"], seen.data["attempt"])
            for seen in self.of("rep-notifications", name)
        )

    def clock(self, name: str) -> list[tuple[Any, ...]]:
        """Return what became of a lead's clock: type, holder, attempt."""
        return [(seen.type, seen.data["rep_id"], seen.data["attempt"]) for seen in self.of("sla-events", name)]


def test_leads_go_their_ways(running: Site) -> None:
    """Every turn of five leads that go on side by side stands on the topics, and nothing else does."""
    told = asyncio.run(_play(running))

    expect_offered(told)
    expect_late(told)
    expect_widened(told)
    expect_unheard(told)
    assert told.course("full") == [("assigned", "gil", 1, 1, "one", None), ("touched", "gil", 1, 1, "one", None)]
    assert told.clock("full") == []
    for name in STORIES:
        for seen in told.of("sla-events", name):
            expect_sum(seen.data, told.of("lead-decisions", name)[0].data)
    sequences = sorted(seen.data["sequence"] for seen in told.seen if seen.record.topic == "lead-assignments")
    assert sequences == list(range(1, len(sequences) + 1))


async def _play(running: Site) -> Told:
    world = World()
    async with witnessing(world.react) as witness:
        await witness.send(world.begin())
        await witness.until(_all_over)
        await witness.until_quiet(1.0)
        policy = load_policy(Path(running.environment["ROUTER_CONFIG"])).policy
        report = audit(
            witness.observed,
            Roster.of(policy),
            until=moment(),
            strict_end=True,
            topic_prefix=running.environment["ROUTER_TOPIC_PREFIX"],
        )
        assert report.holds, "\n".join(map(str, report.violations))
        return Told(witness.once, world.leads)


def _all_over(seen: Sequence[Seen]) -> bool:
    ends = {each.data["submission_id"] for each in seen if each.type in ("met", "resolved", "touched")}
    clocks = [each for each in seen if each.type in ("met", "resolved")]
    return ends >= set(STORIES) and len(clocks) >= len(STORIES) - 1


# --- the stories ------------------------------------------------------------------------------------------------------


def expect_offered(told: Told) -> None:
    """Ana misses the offer, Ben declines it, and as nobody is left in their step Cleo gets it and takes it."""
    assert told.course("offered") == [
        ("assigned", "ana", 1, 1, "first", None),
        ("unassigned", "ana", 1, 1, "first", "accept_timeout"),
        ("assigned", "ben", 2, 1, "first", None),
        ("unassigned", "ben", 2, 1, "first", "declined"),
        ("assigned", "cleo", 3, 2, "second", None),
        ("accepted", "cleo", 3, 2, "second", None),
        ("touched", "cleo", 3, 2, "second", None),
    ]
    for attempt in (1, 2, 3):
        assigned = told.assignment("offered", "assigned", attempt)
        assert seconds(assigned["at"], assigned["accept_by"]) == ACCEPT_WITHIN
    missed = told.assignment("offered", "unassigned", 1)
    assert 0 <= seconds(told.assignment("offered", "assigned", 1)["accept_by"], missed["at"]) <= SOON
    assert told.assignment("offered", "assigned", 2)["at"] == missed["at"]
    assert codes(told.assignment("offered", "assigned", 1)) == {
        "ana": "eligible",
        "ben": "eligible",
        "cleo": "later_step",
    }
    assert codes(told.assignment("offered", "assigned", 3))["ana"] == "already_tried"

    assert told.notified("offered") == Counter(
        [
            ("assigned", "ana", 1),
            ("reminder", "ana", 1),
            ("unassigned", "ana", 1),
            ("assigned", "ben", 2),
            ("superseded", "ana", 2),
            ("assigned", "cleo", 3),
            ("repeat", "cleo", 3),
        ]
    )
    (reminder,) = [seen for seen in told.of("rep-notifications", "offered") if seen.data["kind"] == "reminder"]
    half = instant(told.assignment("offered", "assigned", 1)["at"]) + timedelta(seconds=ACCEPT_WITHIN / 2)
    assert half <= reminder.arrived < instant(missed["at"])

    first, again = sorted(told.of("lead-decisions", "offered"), key=lambda seen: len(seen.data["submission_id"]))
    assert (first.data["to"], again.data["to"]) == ("sales", "attached")
    assert told.clock("offered") == [("met", "cleo", 3)]
    breakdown = told.of("sla-events", "offered")[0].data["breakdown"]
    accepted = told.assignment("offered", "accepted", 3)
    assert breakdown["accept"] == seconds(told.assignment("offered", "assigned", 3)["at"], accepted["at"])
    assert breakdown["touch"] >= ACCEPT_WITHIN  # what others let pass is time without a touch


def expect_late(told: Told) -> None:
    """Bob is warned and does nothing; at the breach Bea gets the lead, and her late touch is told as what it is."""
    assert told.course("late") == [
        ("assigned", "bob", 1, 1, "pair", None),
        ("unassigned", "bob", 1, 1, "pair", "breached"),
        ("assigned", "bea", 2, 1, "pair", None),
        ("touched", "bea", 2, 1, "pair", None),
    ]
    assert told.assignment("late", "assigned", 1)["accept_by"] is None
    assert told.notified("late") == Counter(
        [
            ("assigned", "bob", 1),
            ("sla_warning", "bob", 1),
            ("sla_breach", "bob", 1),
            ("sla_breach", "tom", 1),
            ("unassigned", "bob", 1),
            ("assigned", "bea", 2),
        ]
    )
    assert told.clock("late") == [("warned", "bob", 1), ("breached", "bob", 1), ("resolved", "bea", 2)]
    expect_in_time(told, "late")


def expect_widened(told: Told) -> None:
    """Gil is on duty and full: the lead waits for him until it is old enough, then the next step joins."""
    assert told.course("widened") == [
        ("queued", None, 0, None, None, None),
        ("assigned", "gus", 1, 2, "other", None),
        ("touched", "gus", 1, 2, "other", None),
    ]
    assigned = told.assignment("widened", "assigned", 1)
    assert 0 <= seconds(assigned["submitted_at"], assigned["at"]) - WIDEN_AFTER <= SOON
    assert codes(assigned) == {"gus": "eligible", "gil": "at_capacity"}
    assert told.notified("widened") == Counter([("assigned", "gus", 1)])
    assert told.clock("widened") == [("met", "gus", 1)]
    expect_queue(told, "widened", assigned["at"])


def expect_unheard(told: Told) -> None:
    """Nobody is there: the manager hears of it, of the warning and of the breach, until Eve takes it unasked."""
    assert told.course("unheard") == [
        ("queued", None, 0, None, None, None),
        ("assigned", "eve", 1, None, None, None),
        ("accepted", "eve", 1, None, None, None),
        ("touched", "eve", 1, None, None, None),
    ]
    assert told.notified("unheard") == Counter(
        [("no_rep_available", "mia", 0), ("sla_warning", "mia", 0), ("sla_breach", "mia", 0), ("assigned", "eve", 1)]
    )
    assert told.clock("unheard") == [("warned", None, 0), ("breached", None, 0), ("resolved", "eve", 1)]
    expect_in_time(told, "unheard")
    expect_queue(told, "unheard", told.assignment("unheard", "assigned", 1)["at"])


# --- what holds for all -----------------------------------------------------------------------------------------------


def expect_in_time(told: Told, name: str) -> None:
    """A warning at half of the time, a breach at its end, and a touch after it that does not hide it."""
    warned, breached, resolved = (seen.data for seen in told.of("sla-events", name))
    assert warned["threshold"] == 0.5
    assert 0 <= seconds(warned["submitted_at"], warned["at"]) - FIRST_TOUCH / 2 <= SOON
    assert 0 <= seconds(breached["due_at"], breached["at"]) <= SOON
    assert resolved["in_time"] is False
    assert resolved["elapsed_seconds"] > FIRST_TOUCH


def expect_queue(told: Told, name: str, until: str) -> None:
    """The time without a rep, from the decision to the only assignment, is the time in the queue."""
    decided = told.of("lead-decisions", name)[0].data["decided_at"]
    assert told.of("sla-events", name)[-1].data["breakdown"]["queue"] == seconds(decided, until)


def expect_sum(turn: Mapping[str, Any], decision: Mapping[str, Any]) -> None:
    """Every second from the button to this turn of the clock stands in one part of the breakdown."""
    parts = turn["breakdown"]
    assert set(parts) == {"ingest", "decide", "queue", "accept", "touch"}
    assert sum(parts.values()) == pytest.approx(turn["elapsed_seconds"], abs=1e-6)
    assert turn["elapsed_seconds"] == pytest.approx(seconds(turn["submitted_at"], turn["at"]), abs=1.0)
    assert parts["ingest"] == seconds(decision["submitted_at"], decision["received_at"])
    assert parts["decide"] == seconds(decision["received_at"], decision["decided_at"])
    assert seconds(turn["submitted_at"], turn["due_at"]) == turn["target_seconds"]


def codes(assigned: Mapping[str, Any]) -> dict[str, str]:
    """Return why each candidate was eligible or not."""
    return {each["rep_id"]: each["code"] for each in assigned["candidates"]}


def instant(text: str) -> datetime:
    """Return the instant that an event names."""
    return datetime.fromisoformat(text)


def seconds(since: str, until: str) -> float:
    """Return the seconds between two instants that events name."""
    return (instant(until) - instant(since)).total_seconds()
