"""
Stories of a sales floor, told to the ledger: reps come and go, leads arrive, clocks run.

A story runs on an engine. Below `tests/unit` that is the model alone; below
`tests/model` the same stories run on the model and on Valkey side by side.
Times are seconds here and milliseconds in the ledger; a story begins on a Monday, 2026-03-02, at 14:00 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, cast

from router.domain.calendar import State
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead, Ledger, Rep
from router.domain.ledger.verbs import (
    Act,
    Attend,
    Audience,
    Clock,
    Close,
    Edge,
    Erase,
    Install,
    Place,
    Seat,
    Step,
    Tick,
    Verb,
)
from router.domain.policy import Strategy

START = 1_772_460_000_000
MINUTE, HOUR, DAY = 60, 3_600, 86_400
Status = Literal["available", "busy", "away", "offline"]
Action = Literal["accept", "decline", "touch", "release"]
Pools = Mapping[str, tuple[str, tuple[str, ...]]]


class Engine(Protocol):
    """What a story is told to; `model` is there to look at."""

    model: Ledger

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply *verb* at *now* (ms)."""


@dataclass
class ModelAlone:
    """The model, without a twin."""

    model: Ledger = field(default_factory=Ledger)

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply *verb*."""
        return apply(self.model, verb, now)


def seat(rep: str, order: int = 0, **more: Any) -> Seat:  # noqa: ANN401 - whatever a seat has
    """Return a rep of the policy: active, with room for three leads, always working, under the manager mia."""
    return Seat(**{"id": rep, "active": True, "capacity": 3, "weight": 1, "order": order, "manager": "mia", **more})


def everybody(strategy: str, *reps: str) -> Pools:
    """Return the one pool `all`."""
    return {"all": (strategy, reps)}


def kinds(facts: Iterable[Fact]) -> list[str]:
    """Name what happened, notifications by their kind."""
    return [fact["kind"] if fact["t"] == "notify" else fact["t"] for fact in facts]


def only(facts: Iterable[Fact], kind: str) -> Fact:
    """Return the one fact (or notification) of *kind*."""
    [found] = all_of(facts, kind)
    return found


def all_of(facts: Iterable[Fact], kind: str) -> list[Fact]:
    """Return the facts (or notifications) of *kind*."""
    return [fact for fact in facts if kind in (fact["t"], fact.get("kind"))]


class Story:
    """
    One workspace and what happens in it.

    * **seats** - ids (capacity 3), or seats; their order is the configuration's.
    * **pools** - name to (strategy, members); by default `all`, in the configuration's order. Each whole pool is an
      audience of the same name.
    * **limits** - fields of `Install`, durations in ms.
    """

    def __init__(
        self,
        engine: Engine,
        *seats: str | Seat,
        pools: Pools | None = None,
        calendars: Mapping[str, tuple[Edge, ...]] | None = None,
        **limits: int | None,
    ) -> None:
        self.engine = engine
        self.now = START
        self.facts: list[Fact] = []
        self._count = 0
        whole = (seat(one) if isinstance(one, str) else one for one in seats)
        self.seats = tuple(replace(one, order=index) for index, one in enumerate(whole))
        self.pools = pools or everybody("in_order", *(one.id for one in self.seats))
        self.calendars = dict(calendars or {})
        self.limits: dict[str, Any] = {
            "max_attempts": 5, "misses_before_away": 2, "daily_per_rep": None, "retry_after": 30_000,
            "max_age": 7 * DAY * 1000, **limits
        }  # fmt: skip
        self.install()

    # --- what happens ---------------------------------------------------------------------------------------------

    def do(self, verb: Verb) -> Answer:
        """Apply any verb now."""
        answer = self.engine.apply(verb, self.now)
        self.facts += answer.facts
        return answer

    def install(self, *seats: Seat) -> list[Fact]:
        """Put the policy in force, with other *seats* where any are given."""
        self.seats = seats or self.seats
        audiences = tuple(Audience(name, name, cast("Strategy", how), reps) for name, (how, reps) in self.pools.items())
        pools = {name: reps for name, (_, reps) in self.pools.items()}
        verb = Install("v1", self.seats, pools, self.calendars, audiences=audiences, **self.limits)
        return self.do(verb).facts

    def come(self, *reps: str, status: str = "available", ttl: int = 0, at: int | None = None) -> list[Fact]:
        """Let *reps* send their presence; *at* is seconds from now, as their own clock says."""
        out: list[Fact] = []
        for rep in reps:
            self.now += 1  # a later presence is a newer one
            out += self.do(Attend(rep, cast("Status", status), self.now + (at or 0) * 1000, ttl * 1000)).facts
        return out

    def heartbeat(self, rep: str, ttl: int) -> list[Fact]:
        """Let a page say that it is still open."""
        self.now += 1
        return self.do(Attend(rep, "available", self.now, ttl * 1000, heartbeat=True)).facts

    def submission(self, lead: str = "L1", **more: Any) -> Place:  # noqa: ANN401 - whatever a submission has
        """Return a submission of *lead*, sent off just now, to sales by the pool `all`, without a clock."""
        self._count += 1
        values: dict[str, Any] = {
            "submission_id": f"s{self._count}", "lead_id": lead, "to": "sales", "stage": "iql",
            "submitted_at": self.now, "received_at": self.now, "decided_at": self.now,
            "policy_version": "v1", "decision": "{}", "card": "{}",
            "route": "hot", "steps": (Step("all", "all"),), "escalate_to": "mia", "considered": len(self.seats),
        }  # fmt: skip
        return Place(**{**values, **more})

    def place(self, lead: str = "L1", **more: Any) -> list[Fact]:  # noqa: ANN401 - whatever a submission has
        """Bring a submission of *lead* in; as a worker does, tell again of audiences that were forgotten."""
        verb = self.submission(lead, **more)
        out: list[Fact] = []
        for step in verb.steps:
            if step.audience not in self.engine.model.audiences:
                how, reps = self.pools[step.audience]
                out += self.do(Audience(step.audience, step.pool, cast("Strategy", how), reps)).facts
        return out + self.do(verb).facts

    def act(
        self, action: str, lead: str, rep: str, attempt: int | None = None, *, ago: int = 0, action_id: str = ""
    ) -> list[Fact]:
        """Let *rep* do something about *lead*, *ago* seconds before now."""
        self._count += 1
        name = action_id or f"a{self._count}"
        return self.do(Act(name, lead, rep, cast("Action", action), self.now - ago * 1000, attempt, "call")).facts

    def close(self, lead: str, outcome: str = "won", ago: int = 0, outcome_id: str | None = None) -> list[Fact]:
        """Tell an outcome of *lead*."""
        self._count += 1
        return self.do(Close(outcome_id or f"o{self._count}", lead, outcome, self.now - ago * 1000)).facts

    def erase(self, lead: str) -> list[Fact]:
        """Forget the person behind *lead*."""
        return self.do(Erase(lead)).facts

    def wait(self, seconds: float) -> list[Fact]:
        """Let time pass, as workers that tick all the time do: each timer fires at its instant."""
        end = self.now + round(seconds * 1000)
        out: list[Fact] = []
        while True:
            self.now = max(self.now, min(min(self.engine.model.timers.values(), default=end), end))
            out += self.do(Tick()).facts
            if self.now == end and min(self.engine.model.timers.values(), default=end + 1) > end:
                return out

    # --- how it stands --------------------------------------------------------------------------------------------

    def lead(self, lead: str = "L1") -> Lead:
        """Return a lead as the model has it."""
        return self.engine.model.leads[lead]

    def rep(self, rep: str) -> Rep:
        """Return a rep as the model has one."""
        return self.engine.model.reps[rep]

    def holder(self, lead: str = "L1") -> str | None:
        """Return who holds *lead*."""
        return self.lead(lead).rep

    def holders(self, *leads: str) -> list[str | None]:
        """Return who holds each of *leads*."""
        return [self.holder(lead) for lead in leads]


def hot(
    now: int, *, first_touch: int = 5 * MINUTE, on_breach: tuple[str, ...] = (), warn_at: tuple[float, ...] = ()
) -> Clock:
    """Return a clock that started at *now* (ms)."""
    length = first_touch * 1000
    warnings = tuple((share, now + int(length * share)) for share in warn_at)
    return Clock("hot", length, now + length, warnings, on_breach)


def office(*edges: tuple[float, str]) -> dict[str, tuple[Edge, ...]]:
    """
    Return the calendar `office`: its states from so many hours after the beginning on.

    `midnight` stands for an opening that begins a new local day.
    """
    known = [Edge(START - DAY * 1000, "outside_hours", midnight=True)]
    for at, state in edges:
        opens = cast("State", "open" if state == "midnight" else state)
        known.append(Edge(START + round(at * HOUR * 1000), opens, midnight=state == "midnight"))
    return {"office": tuple(known)}
