"""
Both engines of the ledger side by side: each verb goes to the model and to Valkey, and must give the same facts.

After each call what Valkey keeps is compared too, its indexes included: a wrong
index shows when it becomes wrong, not only when somebody happens to be served by it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis

from router.adapters.redis.functions import library
from router.domain.ledger import offers, reps
from router.domain.ledger.facts import Answer
from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead, Ledger, Rep
from router.domain.ledger.verbs import Verb

NUMBERS = ("capacity", "weight", "order", "seen_at", "until", "load", "last_assigned", "misses", "day", "today")


def load(client: redis.Redis) -> str:
    """Load the ledger's library and return its function's name."""
    name, source = library()
    client.function_load(source, replace=True)
    return name


@dataclass
class Twins:
    """
    The model and its twin in Valkey, in one workspace.

    Verbs of one instant may go to Valkey together: as soon as there are `together`
    of them, or when the time moves, or by `flush`.
    """

    client: redis.Redis
    function: str
    workspace: str
    model: Ledger = field(default_factory=Ledger)
    history: list[dict[str, object]] = field(default_factory=list)
    together: int = 1
    _now: int = 0
    _asked: list[tuple[Verb, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin an empty ledger."""
        self.prefix = f"{{{self.workspace}}}:"
        self.client.set(self.prefix + "epoch", "test")

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply *verb* to both at *now* and compare what they answer and what they are then."""
        if now != self._now:
            self.flush()
        self._now = now
        answer = apply(self.model, copy.deepcopy(verb), now)
        self.history += answer.facts
        self._asked.append((verb, answer))
        if len(self._asked) >= self.together:
            self.flush()
        return answer

    def flush(self) -> None:
        """Ask Valkey what the model was asked since the last time, and compare."""
        asked, self._asked = self._asked, []
        if not asked:
            return
        items = [orjson.dumps(verb) for verb, _ in asked]
        rows: Any = self.client.fcall(self.function, 1, self.prefix, str(self._now), "test", *items)
        for (verb, answer), (code, facts, decision, _, message) in zip(asked, rows, strict=True):
            assert code.decode() == answer.code, (verb, message)
            assert (verb, orjson.loads(facts)) == (verb, orjson.loads(orjson.dumps(answer.facts)))
            assert decision.decode() == answer.decision
        self.compare()

    def compare(self) -> None:
        """Compare what the two have become; and nobody waits while somebody who was not tried is free."""
        kept = _Kept(self.client, self.prefix, self.model)
        assert kept.reps == {rep.id: _of_rep(rep) for rep in self.model.reps.values()}
        assert kept.leads == {lead.id: _of_lead(lead) for lead in self.model.leads.values()}
        assert kept.timers == self.model.timers
        waiting = {lead.id: lead for lead in self.model.leads.values() if lead.state == "waiting"}
        assert kept.waiting == {lead.id: lead.submitted for lead in waiting.values()}
        assert kept.shelves == {lead.id: _shelf(lead) for lead in waiting.values()}
        assert kept.tried == {lead.id for lead in waiting.values() if lead.tried and not lead.parked}
        free = {name: [rep.id for rep in reps.free(self.model, name, self._now)] for name in self.model.audiences}
        assert kept.free == free
        there = {name: {rep.id for rep in reps.members(self.model, name) if rep.on_duty} for name in free}
        assert kept.on_duty == there
        for lead in waiting.values():
            step = offers.reach(self.model, lead, None)
            assert lead.parked or offers.pick(self.model, lead, step, (), self._now) is None, f"{lead.id} need not wait"
        for rep in self.model.reps.values():
            holds = {lead.id for lead in self.model.leads.values() if lead.rep == rep.id}
            assert kept.theirs[rep.id] == holds
            assert len(holds) == rep.load


def _of_rep(rep: Rep) -> dict[str, object]:
    passes = {f"pass:{pool}": value for pool, value in rep.passes.items() if value}
    numbers = {name: getattr(rep, name) for name in NUMBERS}
    return {**numbers, "active": rep.active, "on_duty": rep.on_duty, "status": rep.status, **passes}


def _of_lead(lead: Lead) -> dict[str, object]:
    return {
        name: getattr(lead, name)
        for name in ("state", "attempt", "rep", "last_rep", "step", "reach", "tries", "parked", "overdue", "breached")
    } | {"tried": lead.tried}


def _shelf(lead: Lead) -> str:
    if lead.parked:
        return "p"
    return f"{lead.reach}t" if lead.tried else str(lead.reach)


class _Kept:
    """What Valkey keeps of all that the model knows, read in two round trips."""

    def __init__(self, client: redis.Redis, prefix: str, model: Ledger) -> None:
        shelves = [f"{lane}:{shelf}" for lane in _lanes(model) for shelf in ("p", *_numbers(lane))]
        pipe = client.pipeline(transaction=False)
        for rep in model.reps:
            pipe.hgetall(f"{prefix}rep:{rep}")
            pipe.zrange(f"{prefix}theirs:{rep}", 0, -1)
        for lead in model.leads:
            pipe.get(f"{prefix}lead:{lead}")
        for audience in model.audiences:
            pipe.zrange(f"{prefix}free:{audience}", 0, -1)
            pipe.smembers(f"{prefix}on:{audience}")
        for shelf in shelves:
            pipe.zrange(f"{prefix}q:{shelf}", 0, -1)
        for name in ("timers", "duty", "waiting"):
            pipe.zrange(prefix + name, 0, -1, withscores=True)
        pipe.zrange(prefix + "tried", 0, -1)
        answers = iter(pipe.execute())
        self.reps: dict[str, dict[str, object]] = {}
        self.theirs: dict[str, set[str]] = {}
        for rep in model.reps:
            self.reps[rep] = _rep(next(answers))
            self.theirs[rep] = _texts(next(answers))
        self.leads = {lead: _lead(next(answers)) for lead in model.leads}
        self.free: dict[str, list[str]] = {}
        self.on_duty: dict[str, set[str]] = {}
        for audience in model.audiences:
            self.free[audience] = [member.decode()[29:] for member in next(answers)]
            self.on_duty[audience] = _texts(next(answers))
        self.shelves: dict[str, str] = {}
        for shelf in shelves:
            for member in next(answers):
                lead = member.decode()[37:]
                assert lead not in self.shelves, f"{lead} stands in the queue twice"
                self.shelves[lead] = shelf.rpartition(":")[2]
        self.timers = {tuple(name.decode().split("\0")): int(due) for name, due in (*next(answers), *next(answers))}
        self.waiting = {name.decode(): int(at) for name, at in next(answers)}
        self.tried = {member.decode()[37:] for member in next(answers)}


def _lanes(model: Ledger) -> set[str]:
    """Name the lanes of all leads: audiences, and whether each can hold the next one back."""
    return {
        ",".join(step.audience + ("-" if step.widen_after is None else "+") for step in lead.steps)
        for lead in model.leads.values()
        if lead.steps
    }


def _numbers(lane: str) -> list[str]:
    return [f"{number}{mark}" for number in range(1, lane.count(",") + 2) for mark in ("", "t")]


def _texts(members: Any) -> set[str]:  # noqa: ANN401 - what the client gives
    return {member.decode() for member in members}


def _rep(row: dict[bytes, bytes]) -> dict[str, object]:
    values = {name.decode(): value.decode() for name, value in row.items()}
    numbers = {name: int(values[name]) for name in NUMBERS}
    passes = {name: int(value) for name, value in values.items() if name.startswith("pass:") and value != "0"}
    flags = {name: values[name] == "1" for name in ("active", "on_duty")}
    return {**numbers, **flags, "status": values["status"], **passes}


def _lead(kept: bytes) -> dict[str, object]:
    values = orjson.loads(kept)
    usual: dict[str, object] = {"rep": None, "last_rep": None, "step": None, "reach": 1, "tries": 0, "tried": {}}
    flags = dict.fromkeys(("parked", "overdue", "breached"), False)
    return {name: values.get(name, default) for name, default in {**usual, **flags, "state": 0, "attempt": 0}.items()}
