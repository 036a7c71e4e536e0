"""A whole router in memory: the real steps, the real policy reader and the model of the ledger, on our fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import orjson

from router.domain.policy import Policy
from router.events import TOPICS
from router.events.base import rfc3339, to_millis
from router.pipeline.install import install
from router.pipeline.rounds import sweep, tick
from router.pipeline.runner import handlers
from router.pipeline.work import InForce
from router.ports import Enricher, Received
from tests.fakes import ManualClock, MemoryActivities, MemoryEnricher, MemoryLedger, MemoryPublisher
from tests.unit.policy_text import MINIMAL, change

WORKSPACE = "default"

SIMPLE = change("match: 'lead.language in rep.languages', accept_within: 60s, widen_after: 90s", "accept_within: 60s")
"""The small policy, but for the pool: anybody in it may take any lead."""

ENRICHED = SIMPLE + "enrichment: {budget: 100ms, dataset: companies.csv}\n"
COMPANIES = "domain,name,employees\nacme.example,Acme,1200\n"

assert SIMPLE != MINIMAL


class Floor:
    """Reps, a policy in force, and whatever is sent to the topics; `ports` may be changed before the first event."""

    def __init__(self, policy: Policy, *available: str) -> None:
        self.clock = ManualClock()
        self.ledger = MemoryLedger(self.clock)
        self.log = MemoryPublisher()
        self.activities = MemoryActivities()
        self.enricher: Enricher = MemoryEnricher({"acme.example": {"name": "Acme", "employees": 1200}})
        self.in_force = InForce(policy)
        self.ports: dict[str, object] = {
            "publisher": self.log,
            "ledger": self.ledger,
            "activities": self.activities,
            "enricher": self.enricher,
            "in_force": self.in_force,
            "identity_key": b"key",
            "clock": self.clock,
            "workspace": WORKSPACE,
            "topic_prefix": "test-",
            "signer": None,
        }
        self._offsets = count()
        self._available = available

    async def open(self) -> Floor:
        """Put the policy in force and let the reps come."""
        await self.ledger.apply([install(self.in_force.policy, (), self.clock.now())])
        self.clock.advance(milliseconds=1)
        await self.send("rep-presence", *(self.presence(rep) for rep in self._available))
        return self

    async def send(self, topic: str, *events: Mapping[str, Any] | bytes | Received) -> None:
        """Give one batch of events to the topic's handler: data, raw values or whole records."""
        await self.handler(topic)([self.record(topic, event) for event in events])

    def handler(self, topic: str) -> Callable[[Sequence[Received]], Any]:
        """Return the handler of *topic*, as a worker binds it."""
        return handlers(self.ports)[topic]

    def record(self, topic: str, event: Mapping[str, Any] | bytes | Received) -> Received:
        """Return a record of the log with *event* in it."""
        if isinstance(event, Received):
            return event
        value = event if isinstance(event, bytes) else orjson.dumps(event)
        return Received(topic, 0, next(self._offsets), None, value, {}, self.clock.now())

    async def tick(self, **after: float) -> None:
        """Let time pass (`seconds=5`) with a tick at every timer's instant, then sweep."""
        end = self.clock.now()
        self.clock.advance(**after)
        last, self.clock.moment = self.clock.now(), end
        while True:
            due = min(self.ledger.state.timers.values(), default=to_millis(last) + 1)
            if due > to_millis(last):
                break
            self.clock.advance(milliseconds=max(0, due - to_millis(self.clock.now())))
            await tick(self.ledger, self.log, WORKSPACE)
        self.clock.moment = last
        await tick(self.ledger, self.log, WORKSPACE)
        await self.sweep()

    async def sweep(self) -> None:
        """Publish what was given up."""
        await sweep(self.ledger, self.log, WORKSPACE)

    # --- events ---------------------------------------------------------------------------------------------------

    def submission(self, number: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a form has
        """Return a demo request of a director at Acme, sent off just now."""
        at = rfc3339(self.clock.now())
        return {
            "submission_id": f"s{number}", "submitted_at": at, "form": "demo", "email": f"dana{number}@acme.example",
            "job_title": "Director of Operations", "employees": 1200, **more,
        }  # fmt: skip

    def presence(self, rep: str, status: str = "available", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Return a rep's presence."""
        return {"rep_id": rep, "status": status, "at": rfc3339(self.clock.now()), "ttl_seconds": 0, **more}

    def action(self, number: int, lead: str, rep: str, action: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - as above
        """Return what a rep did just now."""
        at = rfc3339(self.clock.now())
        return {"action_id": f"a{number}", "lead_id": lead, "rep_id": rep, "action": action, "at": at, **more}

    def lead(self, number: int = 1) -> str:
        """Return the id of the lead that was decided by this submission."""
        return next(str(row["lead_id"]) for row in self.decisions() if row["submission_id"] == f"s{number}")

    # --- what came of it ------------------------------------------------------------------------------------------

    def decisions(self) -> list[dict[str, Any]]:
        """Return all decisions, each id once."""
        return self.log.on("lead-decisions")

    def rejected(self) -> list[tuple[str, int]]:
        """Return code and offset of all dead letters, each id once."""
        return [(str(row["code"]), int(row["source_offset"])) for row in self.log.on("dead-letters")]

    def check(self) -> None:
        """Check each record against the model of its type, and that no id stands for two different things."""
        said: dict[tuple[str, bytes], bytes | None] = {}
        for record in self.log.records:
            ce_type = record.headers["ce_type"].decode()
            TOPICS[record.topic][ce_type].model_validate_json(record.value or b"")
            name = (record.topic, record.headers["ce_id"])
            assert said.setdefault(name, record.value) == record.value, name
