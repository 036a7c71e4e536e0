"""
Plays a load through policy, decision, the ledger's model and the rendering of events, on a clock of its own.

What comes out is what would stand on the topics, for the audit to judge: the shipped
example and the load of the large tests can be proved in a second, without a server.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from pydantic import ValidationError

from router.domain.audit import Observed
from router.domain.decision import Decision, decision_id, wire
from router.domain.ledger.facts import Answer
from router.domain.ledger.model import apply
from router.domain.ledger.state import Ledger
from router.domain.ledger.verbs import Audience as KnownAudience
from router.domain.ledger.verbs import Tick, Verb
from router.domain.policy import Policy
from router.domain.routing import Audience, audiences
from router.errors import BadInput
from router.events.action import RepAction
from router.events.base import rfc3339, to_millis
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted
from router.pipeline import verbs
from router.pipeline.install import install
from router.pipeline.render import render
from router.policy.dry_run import dry_run
from router.ports import Applied, Outgoing

KEY = b"a key for rehearsals only, 32 B."
LATENCY = timedelta(milliseconds=15)
TICK = timedelta(milliseconds=200)

Due = tuple[datetime, int, Callable[[], object]]
React = Callable[[str, Mapping[str, Any]], Iterable[tuple[datetime, str, Mapping[str, Any]]]]
"""From a type and the data of an output to what the world sends because of it: when, topic, data."""


@dataclass
class Rehearsal:
    """One run. `send` what the world sends, then `play`; `records` is what stands on the topics."""

    policy: Policy
    start: datetime
    react: React
    records: list[Observed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.start
        self.ledger = Ledger()
        self._due: list[Due] = []
        self._order = itertools.count()
        self._apply(install(self.policy, (), self.start))

    def install(self, at: datetime, policy: Policy) -> None:
        """Plan that another policy is put in force."""

        def put() -> None:
            self.policy = policy
            self._apply(install(policy, [_found(one) for one in self.ledger.audiences.values()], self.now))

        self._later(at, put)

    def send(self, at: datetime, topic: str, data: Mapping[str, Any]) -> None:
        """Plan one input record."""

        def arrive() -> None:
            offset = self._stands(topic, None, None, data)
            self._later(self.now + LATENCY, lambda: self._process(topic, offset, data))

        self._later(at, arrive)

    def play(self, until: datetime) -> None:
        """Let everything happen, and time pass, until *until*."""
        for beat in range((until - self.start) // TICK):
            self._later(self.start + beat * TICK, lambda: self._apply(Tick()))
        while self._due and self._due[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._due)
            happen()
        self.now = until

    def _later(self, at: datetime, happen: Callable[[], object]) -> None:
        heapq.heappush(self._due, (max(at, self.now), next(self._order), happen))

    def _stands(self, topic: str, ce_type: str | None, ce_id: str | None, data: Mapping[str, Any]) -> int:
        offset = len(self.records)
        self.records.append(Observed(topic, 0, offset, ce_type, ce_id, data, written_at=self.now))
        return offset

    def _process(self, topic: str, offset: int, data: Mapping[str, Any]) -> None:
        code = "schema"
        try:
            asked = self._verbs(topic, data)
        except (BadInput, ValidationError):
            asked = []
        for verb in asked:
            code = self._apply(verb)
        if code in {"schema", "unknown_rep", "unknown_lead"}:
            self._reject(topic, offset, code)

    def _verbs(self, topic: str, data: Mapping[str, Any]) -> Sequence[Verb]:
        if topic == "rep-presence":
            return [verbs.attend(RepPresence.model_validate(data), None)]
        if topic == "rep-actions":
            return [verbs.act(RepAction.model_validate(data), None)]
        if topic == "lead-outcomes":
            return [verbs.close(LeadOutcome.model_validate(data), None)]
        decision = dry_run(data, self.policy, key=KEY, at=self.now)
        found = (
            audiences(decision.route, self.policy, decision.values) if decision.route and decision.to == "sales" else ()
        )
        if decision.test:  # goes past the ledger
            self._stands("lead-decisions", "lead.decided.v1", decision_id(decision.submission_id), _wired(decision))
            return [Tick()]
        placed = verbs.place(decision, FormSubmitted.model_validate(data), found, self.policy, None)
        return [*(verbs.audience(each) for each in found), placed]

    def _apply(self, verb: Verb) -> str:
        answer = apply(self.ledger, verb, to_millis(self.now))
        for record in self._rendered(answer):
            data = orjson.loads(record.value or b"")
            ce_type, ce_id = (record.headers[name].decode() for name in ("ce_type", "ce_id"))
            self._stands(record.topic, ce_type, ce_id, data)
            for at, topic, sent in self.react(ce_type, data):
                self.send(at, topic, sent)
        return answer.code

    def _rendered(self, answer: Answer) -> Iterable[Outgoing]:
        return render(Applied(answer.code, orjson.dumps(answer.facts), answer.decision.encode()), "rehearsal")

    def _reject(self, topic: str, offset: int, code: str) -> None:
        data = {
            "source_topic": topic,
            "source_partition": 0,
            "source_offset": offset,
            "code": code,
            "detail": "as the test has it",
            "headers": {},
            "value_base64": None,
            "rejected_at": rfc3339(self.now),
        }
        self._stands("dead-letters", "event.rejected.v1", f"rejected-{offset}", data)


def _found(known: KnownAudience) -> Audience:
    return Audience(known.id, known.pool, known.strategy, (), known.match, known.values)


def _wired(decision: Decision) -> Mapping[str, Any]:
    wired: Mapping[str, Any] = orjson.loads(orjson.dumps(wire(decision)))
    return wired


def instant(data: Mapping[str, Any], name: str = "at") -> datetime:
    """Read an instant of an event's data."""
    return datetime.fromisoformat(data[name]).astimezone(UTC)
