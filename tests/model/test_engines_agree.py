"""A random history gives the same facts and the same state from the model and from Lua in a real Valkey."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from dataclasses import replace
from typing import Literal

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from router.domain.ledger.state import DAY
from router.domain.ledger.verbs import Act, Attend, Audience, Clock, Close, Erase, Step, Tick
from tests.model.engines import Twins
from tests.model.world import (
    AUDIENCES,
    LEADS,
    ON_BREACH,
    REPS,
    RETRY,
    ROUTES,
    SPANS,
    START,
    TARGET,
    TTL,
    policy,
    submission,
)

Status = Literal["available", "busy", "away", "offline"]
Action = Literal["accept", "decline", "touch", "release"]
Attempt = Literal["live", "stale", "unsaid"]

EXAMPLES = int(os.environ.get("ROUTER_TEST_EXAMPLES", "500"))
"""How many histories of up to 80 verbs; more of them are for whoever changes the ledger."""

reps, leads = st.sampled_from(REPS), st.sampled_from(LEADS)
now_and_then = st.sampled_from((False, False, False, True))


class Engines(RuleBasedStateMachine):
    """Draws verbs and the moments for them; whatever follows must be the same from both."""

    client: redis.Redis
    function: str

    def __init__(self) -> None:
        super().__init__()
        self.twins = Twins(self.client, self.function, uuid.uuid4().hex)
        self.now = START
        self.count = 0

    def next_id(self, kind: str) -> str:
        """Return an id that was not used before."""
        self.count += 1
        return f"{kind}{self.count}"

    def held(self, pick: int) -> tuple[str, str] | None:
        """Return a lead that somebody holds, and who."""
        pairs = sorted((lead.id, lead.rep) for lead in self.twins.model.leads.values() if lead.rep is not None)
        return pairs[pick % len(pairs)] if pairs else None

    # --- policies -------------------------------------------------------------------------------------------------

    @initialize(
        capacities=st.tuples(*[st.integers(1, 2)] * 4),
        offices=st.sampled_from(((), ("ben",), ("ana", "dee"))),
        daily=st.sampled_from((None, None, 1, 2)),
        together=st.sampled_from((1, 1, 4)),
        there=st.sets(reps, min_size=2),
    )
    def begin(
        self, capacities: tuple[int, ...], offices: tuple[str, ...], daily: int | None, together: int, there: set[str]
    ) -> None:
        """Open the floor."""
        first = policy(
            "v0", self.now, capacities, (1, 2, 3, 16), gone=None, inactive=None, daily=daily, offices=offices
        )
        self.twins.apply(first, self.now)
        self.twins.together = together
        for rep in sorted(there):
            self.twins.apply(Attend(rep, "available", self.now, 0), self.now)

    @rule(
        capacities=st.tuples(*[st.integers(0, 2)] * 4),
        weights=st.tuples(*[st.integers(1, 16)] * 4),
        gone=st.sampled_from((None, None, "ben", "dee")),
        inactive=st.sampled_from((None, None, "ana", "cai")),
        daily=st.sampled_from((None, None, 1, 2)),
        offices=st.sampled_from(((), ("ben",), ("ana", "dee"))),
        often=now_and_then,
    )
    def install(
        self,
        capacities: tuple[int, ...],
        weights: tuple[int, ...],
        gone: str | None,
        inactive: str | None,
        daily: int | None,
        offices: tuple[str, ...],
        often: bool,
    ) -> None:
        """Put another policy in force; seldom, for it drains every queue."""
        if often:
            verb = policy(
                self.next_id("v"),
                self.now,
                capacities,
                weights,
                gone=gone,
                inactive=inactive,
                daily=daily,
                offices=offices,
            )
            self.twins.apply(verb, self.now)

    @rule(how=st.sampled_from(("renewed", "renewed", "too late", "not told of all")), often=now_and_then)
    def install_again(self, how: str, often: bool) -> None:
        """Let the days of the calendars go on, or install what the ledger must not take."""
        if often:
            verb = policy("v", self.now, (1, 2, 1, 2), (1, 2, 3, 16), gone=None, inactive=None, daily=None, offices=())
            if how == "not told of all":
                verb = replace(verb, version=self.next_id("v"), audiences=AUDIENCES[1:])
            else:
                verb = replace(verb, version=self.twins.model.version if how == "renewed" else "never", renew=True)
            known = AUDIENCES[0].id in self.twins.model.audiences
            missing = "missing_audiences" if known else "done"
            expected = {"renewed": "done", "too late": "stale_policy", "not told of all": missing}
            assert self.twins.apply(verb, self.now).code == expected[how]

    @rule(
        which=st.integers(0, len(AUDIENCES) - 1),
        members=st.permutations(REPS),
        size=st.integers(0, 4),
        under=st.sampled_from(("none", "now", "another")),
    )
    def audience(self, which: int, members: list[str], size: int, under: str) -> None:
        """Give an audience other members; what was worked out under another policy says nothing."""
        known = AUDIENCES[which]
        version = {"none": None, "now": self.twins.model.version, "another": "another"}[under]
        ids = tuple(members[:size])
        verb = Audience(known.id, known.pool, known.strategy, ids, known.match, known.values, version)
        assert self.twins.apply(verb, self.now).code == ("stale_policy" if under == "another" else "done")

    # --- leads ----------------------------------------------------------------------------------------------------

    @rule(
        lead=leads,
        how=st.fixed_dictionaries(
            {
                "steps": st.sampled_from(ROUTES),
                "priority": st.sampled_from((-3, 0, 0, 10)),
                "stage": st.sampled_from(("iql", "iql", "sql")),
                "company": st.sampled_from((None, "acme.com", "example.org")),
                "sticky_account": st.booleans(),
            }
        ),
        age=st.sampled_from((0, 0, 0, 1_000, TARGET, DAY - 5_000, 2 * DAY - 5_000)),
        first_touch=st.sampled_from((None, TARGET, 2 * TARGET)),
        on_breach=st.sampled_from(ON_BREACH),
        working=st.booleans(),
    )
    def place(
        self,
        lead: str,
        how: dict[str, object],
        age: int,
        first_touch: int | None,
        on_breach: tuple[str, ...],
        working: bool,
    ) -> None:
        """Bring in a submission for sales; as a worker does, make audiences known again that were forgotten."""
        submitted, clock = self.now - age, None
        if first_touch is not None:
            warn = ((0.5, submitted + first_touch // 2), (0.8, submitted + first_touch * 8 // 10))
            spans = ((submitted - 500, submitted + 1_500), (self.now + RETRY, self.now + DAY)) if working else None
            clock = Clock("hot", first_touch, submitted + first_touch, warn, on_breach, spans)
        verb = submission(
            self.next_id("s"), lead, self.now, submitted_at=submitted, received_at=submitted, clock=clock, **how
        )  # fmt: skip
        for step in verb.steps:
            if step.audience not in self.twins.model.audiences:
                self.twins.apply(next(one for one in AUDIENCES if one.id == step.audience), self.now)
        self.twins.apply(verb, self.now)

    @rule(lead=leads, what=st.sampled_from(("nurture", "none", "again", "stranger")), often=now_and_then)
    def place_otherwise(self, lead: str, what: str, often: bool) -> None:
        """Bring in one that is not for sales, one that was there before, or one whose audience nobody knows."""
        if what == "again" and "s1" in self.twins.model.submissions:
            assert self.twins.apply(submission("s1", lead, self.now, to="none"), self.now).code == "repeat"
        elif what == "stranger":
            unknown = submission(self.next_id("x"), lead, self.now, steps=(Step("nobody", "one"),))
            assert self.twins.apply(unknown, self.now).code == "unknown_audience"
        elif often and what != "again":
            stage = "rejected" if what == "none" else "mql"
            self.twins.apply(submission(self.next_id("x"), lead, self.now, to=what, stage=stage), self.now)

    @rule(
        pick=st.integers(0, 4), action=st.sampled_from(("accept", "decline", "decline", "decline", "touch", "release"))
    )
    def holder_answers(self, pick: int, action: Action) -> None:
        """Let a rep do something about a lead of theirs; most of all decline it."""
        if (found := self.held(pick)) is not None:
            lead, rep = found
            self.twins.apply(Act(self.next_id("a"), lead, rep, action, self.now, None, "call"), self.now)

    @rule(
        lead=st.sampled_from((*LEADS, "L9")),
        rep=st.sampled_from((*REPS, "zoe")),
        action=st.sampled_from(("accept", "accept", "decline", "touch")),
        attempt=st.sampled_from(("live", "stale", "unsaid")),
        ago=st.sampled_from((0, 0, 1_000, 400_000)),
    )
    def somebody_answers(self, lead: str, rep: str, action: Action, attempt: Attempt, ago: int) -> None:
        """Let anybody do something about any lead: accept one that waits, touch one of another rep, come too late."""
        known = self.twins.model.leads.get(lead)
        live = known.attempt if known else 1
        number = {"live": live, "stale": max(0, live - 1), "unsaid": None}[attempt]
        self.twins.apply(Act(self.next_id("a"), lead, rep, action, self.now - ago, number), self.now)

    @rule(back=st.integers(0, 3), rep=reps)
    def action_again(self, back: int, rep: str) -> None:
        """Let an action come twice, under an id that may also never have been one."""
        self.twins.apply(Act(f"a{max(1, self.count - back)}", "L1", rep, "accept", self.now), self.now)

    @rule(
        lead=leads,
        outcome=st.sampled_from(("won", "lost", "opportunity")),
        ago=st.sampled_from((0, 0, 400_000)),
        fresh=st.booleans(),
    )
    def close(self, lead: str, outcome: str, ago: int, fresh: bool) -> None:
        """Tell an outcome."""
        name = self.next_id("o") if fresh else "o-always"
        self.twins.apply(Close(name, lead, outcome, self.now - ago), self.now)

    @rule(lead=leads)
    def erase(self, lead: str) -> None:
        """Forget somebody, known or not."""
        self.twins.apply(Erase(lead), self.now)

    # --- reps -----------------------------------------------------------------------------------------------------

    @rule(rep=reps, status=st.sampled_from(("available", "available", "busy", "away", "offline")))
    def turns(self, rep: str, status: Status) -> None:
        """Let a rep change status."""
        self.now += 1
        self.twins.apply(Attend(rep, status, self.now, 0), self.now)

    @rule(
        rep=st.sampled_from((*REPS, "zoe")),
        status=st.sampled_from(("available", "available", "busy", "away")),
        ttl=st.sampled_from((0, 5_000, TTL)),
        heartbeat=st.booleans(),
        skew=st.sampled_from((0, 0, -2_000, -8_000, 5_000, 6_000)),
        later=st.sampled_from((1, 1, 0)),
    )
    def attends(self, rep: str, status: Status, ttl: int, heartbeat: bool, skew: int, later: int) -> None:
        """Let a presence come in, whatever its clock says, maybe at the instant of the last one."""
        self.now += later
        self.twins.apply(Attend(rep, status, self.now + skew, ttl, heartbeat), self.now)

    # --- time -----------------------------------------------------------------------------------------------------

    @rule(times=st.integers(1, 3), late=st.sampled_from((0, 0, 150)), limit=st.sampled_from((1, 100)))
    def timers_fire(self, times: int, late: int, limit: int) -> None:
        """Go on to the next timer, and the next."""
        for _ in range(times):
            coming = min(self.twins.model.timers.values(), default=self.now)
            if coming < self.now + DAY // 2:  # the next midnight is not for every history
                self.now = max(self.now, coming) + late
            self.twins.apply(Tick(limit), self.now)

    @rule(by=st.sampled_from(SPANS), more=st.sampled_from((0, 1)))
    def nobody_ticks(self, by: int, more: int) -> None:
        """Let time pass and no worker run: the next verb finds timers that are due."""
        self.now += by + more

    @rule()
    def midnight(self) -> None:
        """Go on to the next midnight, when the day's numbers begin anew."""
        self.now = self.now - self.now % DAY + DAY

    @invariant()
    def sequence_has_no_gap(self) -> None:
        """Every assignment event has the next number."""
        numbers = [fact["seq"] for fact in self.twins.history if "seq" in fact]
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def nobody_is_listed_uncounted(self) -> None:
        """Who was looked at is at least who is named, an owner or accepter from outside the pools included."""
        assigned = [fact for fact in self.twins.history if fact["t"] == "assigned"]
        assert all(fact["considered"] >= len(fact["cands"]) for fact in assigned)

    @invariant()
    def nobody_is_above_capacity_by_an_assignment(self) -> None:
        """Loads are what reps hold."""
        holding = Counter(lead.rep for lead in self.twins.model.leads.values())
        assert all(rep.load == holding[rep.id] for rep in self.twins.model.reps.values())

    def teardown(self) -> None:
        """Compare what is left to compare, and leave nothing behind."""
        self.twins.flush()
        if keys := self.client.keys(self.twins.prefix + "*"):
            self.client.delete(*keys)


@pytest.mark.timeout(900)
def test_engines_agree(twin_server: tuple[redis.Redis, str]) -> None:
    """Any history of verbs, one by one or several in a call, gives the same facts and state from both engines."""
    client, function = twin_server
    machine = type("EnginesOnValkey", (Engines,), {"client": client, "function": function})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=80,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )
