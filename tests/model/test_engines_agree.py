"""A random history gives the same facts from the model and from Lua in a real Valkey, and keeps the promises."""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from router.domain.ledger.state import DAY
from router.domain.ledger.verbs import (
    Act,
    Attend,
    Audience,
    Clock,
    Close,
    Edge,
    Install,
    Place,
    Seat,
    Step,
    Tick,
)
from tests.model.engines import Twins, load
from tests.valkey import ValkeyServer

START = 1_772_460_000_000
REPS = ("ana", "ben", "cai", "dee")
LEADS = ("L1", "L2", "L3", "L4", "L5", "L6")
POOLS = {"inner": ("ana", "ben"), "outer": ("ana", "ben", "cai", "dee"), "rr": ("cai", "dee", "ben")}
AUDIENCES = (
    Audience("a-inner", "inner", "least_loaded", ("ana", "ben")),
    Audience("a-ana", "inner", "least_loaded", ("ana",), "rep.x", '{"x":1}'),
    Audience("a-outer", "outer", "longest_idle", ("ana", "ben", "cai", "dee")),
    Audience("a-rr", "rr", "weighted_round_robin", ("cai", "dee", "ben")),
    Audience("a-order", "outer", "in_order", ("dee", "cai")),
)
STEPS = (
    (Step("a-inner", "inner", 20_000, 30_000), Step("a-outer", "outer")),
    (Step("a-ana", "inner", 10_000), Step("a-rr", "rr", 15_000, 40_000), Step("a-order", "outer", 5_000)),
    (Step("a-rr", "rr"),),
    (Step("a-order", "outer", None, 25_000), Step("a-inner", "inner", 10_000)),
)
ON_BREACH = ((), ("notify_manager",), ("notify_manager", "reassign"), ("reassign_always",))


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A real Valkey."""
    with tempfile.TemporaryDirectory() as folder:
        valkey = ValkeyServer(Path(folder))
        valkey.start()
        yield valkey
        valkey.stop()


def machine(client: redis.Redis, function: str) -> type[RuleBasedStateMachine]:
    """Make the state machine that drives both engines on *client*."""

    class Engines(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.twins = Twins(client, function, uuid.uuid4().hex)
            self.now = START
            self.count = 0
            self.epoch = 0

        def next_id(self) -> str:
            self.count += 1
            return f"n{self.count}"

        def install_policy(self, capacities: list[int], weights: list[int], gone: int, daily: int | None) -> None:
            hours = (
                Edge(START - DAY, "outside_hours", midnight=True),
                Edge(START + 20_000, "open"),
                Edge(START + 80_000, "holiday"),
                Edge(START + 120_000, "open", midnight=True),
                Edge(START + 400_000, "outside_hours"),
            )
            seats = tuple(
                Seat(rep, index != gone, capacities[index], weights[index], index, "office" if index == 1 else None, "mia")
                for index, rep in enumerate(REPS)
            )
            self.epoch += 1
            verb = Install(f"v{self.epoch}", seats, POOLS, {"office": hours}, 3, 2, daily, 15_000, DAY, AUDIENCES)
            self.twins.apply(verb, self.now)

        @initialize()
        def begin(self) -> None:
            self.install_policy([2, 2, 1, 3], [1, 2, 3, 16], -1, None)
            for rep in REPS:
                self.twins.apply(Attend(rep, "available", self.now, 0), self.now)

        @rule(
            lead=st.sampled_from(LEADS),
            to=st.sampled_from(("sales", "sales", "sales", "sales", "nurture", "none")),
            steps=st.sampled_from(STEPS),
            priority=st.integers(-3, 10),
            age=st.sampled_from((0, 0, 1_000, 40_000, 400_000)),
            first_touch=st.sampled_from((None, 30_000, 60_000)),
            on_breach=st.sampled_from(ON_BREACH),
        )
        def place(
            self,
            lead: str,
            to: str,
            steps: tuple[Step, ...],
            priority: int,
            age: int,
            first_touch: int | None,
            on_breach: tuple[str, ...],
        ) -> None:
            submitted = self.now - age
            clock = None
            if first_touch is not None:
                warn = ((0.5, submitted + first_touch // 2), (0.8, submitted + first_touch * 8 // 10))
                clock = Clock("hot", first_touch, submitted + first_touch, warn, on_breach)
            stage = "rejected" if to == "none" else "iql"
            verb = Place(
                self.next_id(), lead, to, stage, submitted, submitted, self.now, f"v{self.epoch}", '{"a":1}', '{"n":"ü"}',
                "route", priority, clock, steps if to == "sales" else (), "mia", 4,
            )  # fmt: skip
            self.twins.apply(verb, self.now)

        @rule(back=st.integers(0, 5))
        def place_again(self, back: int) -> None:
            verb = Place(
                f"n{max(1, self.count - back)}", "L1", "nurture", "mql", self.now, self.now, self.now, "v", "{}", "{}"
            )
            if f"n{max(1, self.count - back)}" in self.twins.model.submissions:
                assert self.twins.apply(verb, self.now).code == "repeat"

        @rule(
            lead=st.sampled_from((*LEADS, "L9")),
            rep=st.sampled_from((*REPS, "zoe")),
            action=st.sampled_from(("accept", "decline", "touch", "touch", "release")),
            attempt=st.sampled_from((None, "live", "live", "stale")),
            ago=st.sampled_from((0, 0, 1_000, 50_000, 900_000)),
            holder=st.booleans(),
        )
        def act(self, lead: str, rep: str, action: str, attempt: str | None, ago: int, holder: bool) -> None:
            known = self.twins.model.leads.get(lead)
            if holder and known is not None and known.rep is not None:
                rep = known.rep
            live = known.attempt if known else 1
            number = None if attempt is None else live if attempt == "live" else max(1, live - 1)
            self.twins.apply(Act(self.next_id(), lead, rep, action, self.now - ago, number, "call"), self.now)

        @rule(pick=st.integers(0, 5), action=st.sampled_from(("accept", "decline", "decline", "touch")))
        def holder_answers(self, pick: int, action: str) -> None:
            held = sorted(lead.id for lead in self.twins.model.leads.values() if lead.rep is not None)
            if held:
                lead = self.twins.model.leads[held[pick % len(held)]]
                self.twins.apply(Act(self.next_id(), lead.id, str(lead.rep), action, self.now), self.now)

        @rule(times=st.integers(1, 3), late=st.sampled_from((0, 0, 150)))
        def timers_fire(self, times: int, late: int) -> None:
            for _ in range(times):
                self.now = max(self.now, min(self.twins.model.timers.values(), default=self.now)) + late
                self.twins.apply(Tick(100), self.now)

        @rule(rep=st.sampled_from(REPS), status=st.sampled_from(("available", "busy", "away")))
        def turns(self, rep: str, status: str) -> None:
            self.now += 1
            self.twins.apply(Attend(rep, status, self.now, 0), self.now)

        @rule(back=st.integers(0, 3), rep=st.sampled_from(REPS))
        def act_again(self, back: int, rep: str) -> None:
            self.twins.apply(Act(f"n{max(1, self.count - back)}", "L1", rep, "accept", self.now), self.now)

        @rule(lead=st.sampled_from(LEADS), outcome=st.sampled_from(("won", "lost", "disqualified", "opportunity")))
        def close(self, lead: str, outcome: str) -> None:
            self.twins.apply(Close(self.next_id(), lead, outcome, self.now), self.now)

        @rule(
            rep=st.sampled_from((*REPS, "zoe")),
            status=st.sampled_from(("available", "available", "available", "busy", "away", "offline")),
            ttl=st.sampled_from((0, 5_000, 60_000)),
            heartbeat=st.sampled_from((False, False, False, True)),
            skew=st.sampled_from((0, 0, -2_000, -8_000, 5_000)),
        )
        def attend(self, rep: str, status: str, ttl: int, heartbeat: bool, skew: int) -> None:
            self.twins.apply(Attend(rep, status, self.now + skew, ttl, heartbeat), self.now)

        @rule(by=st.sampled_from((1, 900, 5_000, 11_000, 31_000, 70_000)))
        def time_passes(self, by: int) -> None:
            self.now += by

        @rule(limit=st.sampled_from((1, 3, 100)), by=st.sampled_from((0, 200, 6_000)))
        def tick(self, limit: int, by: int) -> None:
            self.now += by
            self.twins.apply(Tick(limit), self.now)

        @rule(
            capacities=st.lists(st.integers(0, 3), min_size=4, max_size=4),
            weights=st.lists(st.integers(1, 16), min_size=4, max_size=4),
            gone=st.integers(-1, 3),
            daily=st.sampled_from((None, None, 2)),
        )
        def install(self, capacities: list[int], weights: list[int], gone: int, daily: int | None) -> None:
            self.install_policy(capacities, weights, gone, daily)

        @invariant()
        def loads_are_what_reps_hold(self) -> None:
            held = Counter(lead.rep for lead in self.twins.model.leads.values() if lead.is_open)
            for rep in self.twins.model.reps.values():
                assert rep.load == held[rep.id]

        @invariant()
        def sequence_has_no_gap(self) -> None:
            numbers = [fact["seq"] for fact in self.twins.history if "seq" in fact]
            assert numbers == list(range(1, len(numbers) + 1))

        def teardown(self) -> None:
            keys = client.keys(self.twins.prefix + "*")
            if keys:
                client.delete(*keys)

    return Engines


def test_engines_agree(server: ValkeyServer) -> None:
    """Any history of verbs, repeats and stale attempts included, gives the same facts from both engines."""
    client = redis.Redis.from_url(server.url)
    run_state_machine_as_test(
        machine(client, load(client)),
        settings=settings(
            max_examples=200, stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
