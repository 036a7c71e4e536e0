"""
Both engines of the ledger side by side: each verb goes to the model and to Valkey, and must give the same facts.

After each call what Valkey keeps is compared too, its indexes included: a wrong
index shows when it becomes wrong, not only when somebody happens to be served by it.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson
import redis

from router.adapters.redis.functions import library
from router.adapters.redis.items import arguments
from router.domain.ledger import choices, reps
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead, Ledger, Rep
from router.domain.ledger.verbs import Verb

USUAL: dict[str, object] = {
    "rep": None, "last_rep": None, "step": None, "reach": 1, "tries": 0, "tried": {}, "warned": [], "stage": "lead",
    "priority": 0, "company": None, "submitted": 0, "erased": None, "sub": "", "policy": "",
}  # fmt: skip
FLAGS = ("parked", "overdue", "breached")
NUMBERS = ("capacity", "weight", "order", "seen_at", "ahead", "until", "load", "turn", "misses", "day", "today")


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
    history: list[Fact] = field(default_factory=list)
    together: int = 1
    _now: int = 0
    _lanes: set[str] = field(default_factory=set)
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
        items = [argument for verb, _ in asked for argument in arguments(verb)]
        rows: Any = self.client.fcall(self.function, 1, self.prefix, str(self._now), "test", "", "0", *items)
        for (verb, answer), (code, facts, _, message) in zip(asked, rows, strict=True):
            assert code.decode() == answer.code, (verb, message)
            assert (verb, orjson.loads(facts)) == (verb, orjson.loads(orjson.dumps(answer.facts)))
        self.compare()

    def compare(self) -> None:
        """Compare what the two have become; and nobody waits while somebody who was not tried is free."""
        self._lanes |= {_lane(lead) for lead in self.model.leads.values() if lead.steps}
        kept = _Kept(self.client, self.prefix, self.model, self._lanes)
        assert kept.reps == {rep.id: _of_rep(rep) for rep in self.model.reps.values()}
        assert kept.leads == {lead.id: _of_lead(lead) for lead in self.model.leads.values()}
        assert kept.timers == self.model.timers
        waiting = {lead.id: lead for lead in self.model.leads.values() if lead.state == "waiting"}
        assert kept.waiting == {lead.id: lead.submitted for lead in waiting.values()}
        assert kept.counts == Counter(f"{_lane(lead)}:{_shelf(lead)}" for lead in waiting.values())
        assert kept.shelves == {lead.id: _shelf(lead) for lead in waiting.values()}
        assert kept.open == {lead.id: lead.submitted for lead in self.model.leads.values() if lead.is_open}
        assert kept.lanes == Counter(_lane(lead) for lead in self.model.leads.values() if lead.is_open)
        assert kept.used == self.model.used
        assert kept.audiences == self.model.audiences.keys()
        assert kept.accounts == self.model.accounts
        owned = {rep: {lead.id for lead in waiting.values() if rep in lead.owners} for rep in self.model.reps}
        assert kept.owned == owned
        assert kept.tried == {lead.id for lead in waiting.values() if lead.tried and not lead.parked}
        free = {name: [rep.id for rep in reps.free(self.model, name, self._now)] for name in self.model.audiences}
        assert kept.free == free
        there = {name: {rep.id for rep in reps.members(self.model, name) if rep.on_duty} for name in free}
        assert kept.on_duty == there
        for lead in waiting.values():
            step = choices.reach(self.model, lead, self._now, timed=False)
            taker = None if lead.parked else choices.pick(self.model, lead, step, (), self._now)
            assert taker is None, f"{lead.id} need not wait"
        for rep in self.model.reps.values():
            holds = {lead.id for lead in self.model.leads.values() if lead.rep == rep.id}
            assert kept.theirs[rep.id] == holds
            assert len(holds) == rep.load


def _of_rep(rep: Rep) -> dict[str, object]:
    passes = {f"pass:{pool}": value for pool, value in rep.passes.items() if value}
    numbers = {name: getattr(rep, name) for name in NUMBERS}
    return {**numbers, "active": rep.active, "on_duty": rep.on_duty, "status": rep.status, **passes}


def _of_lead(lead: Lead) -> dict[str, object]:
    return {name: getattr(lead, name) for name in (*USUAL, *FLAGS, "state", "attempt", "first")} | {
        "owners": list(lead.owners),
        "due": lead.touch_by,
    }


def _shelf(lead: Lead) -> str:
    if lead.parked:
        return "p"
    return f"{lead.reach}t" if lead.tried else str(lead.reach)


class _Kept:
    """What Valkey keeps of all that the model knows, read in two round trips."""

    def __init__(  # noqa: C901 - one reading after another
        self, client: redis.Redis, prefix: str, model: Ledger, lanes: set[str]
    ) -> None:
        shelves = [f"{lane}:{shelf}" for lane in lanes for shelf in ("p", *_numbers(lane))]
        pipe = client.pipeline(transaction=False)
        for rep in model.reps:
            pipe.hgetall(f"{prefix}rep:{rep}")
            pipe.zrange(f"{prefix}theirs:{rep}", 0, -1)
            pipe.zrange(f"{prefix}own:{rep}", 0, -1)
        for company in model.accounts:
            pipe.get(f"{prefix}acct:{company}")
        for lead in model.leads:
            pipe.get(f"{prefix}lead:{lead}")
        for audience in model.audiences:
            pipe.zrange(f"{prefix}free:{audience}", 0, -1)
            pipe.smembers(f"{prefix}on:{audience}")
        for shelf in shelves:
            pipe.zrange(f"{prefix}q:{shelf}", 0, -1)
        for name in ("timers", "duty", "waiting", "open", "used"):
            pipe.zrange(prefix + name, 0, -1, withscores=True)
        pipe.hgetall(prefix + "laneuse")
        pipe.hgetall(prefix + "shelves")
        pipe.smembers(prefix + "auds")
        pipe.zrange(prefix + "tried", 0, -1)
        answers = iter(pipe.execute())
        self.reps: dict[str, dict[str, object]] = {}
        self.theirs: dict[str, set[str]] = {}
        self.owned: dict[str, set[str]] = {}
        for rep in model.reps:
            self.reps[rep] = _rep(next(answers))
            self.theirs[rep] = _texts(next(answers))
            self.owned[rep] = {member.decode()[37:] for member in next(answers)}
        self.accounts = {company: next(answers).decode() for company in model.accounts}
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
        self.waiting, self.open, self.used = ({n.decode(): int(at) for n, at in next(answers)} for _ in range(3))
        self.lanes = {lane.decode(): int(count) for lane, count in next(answers).items() if int(count)}
        self.counts = {shelf.decode(): int(count) for shelf, count in next(answers).items() if int(count)}
        self.audiences = _texts(next(answers))
        self.tried = {member.decode()[37:] for member in next(answers)}


def _lane(lead: Lead) -> str:
    """Name the lane of a lead: its audiences, and whether each can hold the next one back."""
    return ",".join(step.audience + ("-" if step.widen_after is None else "+") for step in lead.steps)


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
    defaults = {**USUAL, **dict.fromkeys(FLAGS, False), "state": 0, "attempt": 0, "first": 0}
    known = {name: values.get(name, default) for name, default in defaults.items()}
    due = values["clock"]["due_at"] if values.get("clock") else None
    # Lua does not tell an empty list from an empty object
    return {**known, "warned": known["warned"] or [], "owners": values.get("owners") or [], "due": due}
