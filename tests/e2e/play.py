"""
Plays a scenario against running workers as the world would.

Forms and presences come by the clock, reps react to what they see on the topics. Everything on the topics is kept, to
be judged by the audit.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from router.bootstrap import Log, log_of
from router.domain.audit import Report, audit
from router.domain.audit.observed import Observed, Tolerance
from router.domain.audit.roster import Roster
from router.domain.policy import Policy
from router.errors import DependencyDown
from router.events import TOPICS
from router.ports import Outgoing, Received
from router.settings import Settings
from tests.e2e.scenario import Scenario, Timed

ENDED = frozenset({"lead.touched.v1", "lead.closed.v1"})


def moment() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Played:
    """What stood on the topics, and when this end of the log saw it."""

    observed: list[Observed] = field(default_factory=list)
    sent: dict[str, float] = field(default_factory=dict)  # submission -> when it was first handed to the log
    decided: dict[str, float] = field(default_factory=dict)
    placed: dict[str, float] = field(default_factory=dict)
    """Submission -> when its lead was first seen with a rep or in a queue, for those that go to sales."""
    to_sales: set[str] = field(default_factory=set)
    open_leads: dict[str, bool] = field(default_factory=dict)
    waiting: dict[str, bool] = field(default_factory=dict)
    clocks: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def delays(self) -> Sequence[float]:
        """Seconds from handing a submission to the log to seeing its decision there."""
        return [at - self.sent[name] for name, at in self.decided.items() if name in self.sent]

    @property
    def settled(self) -> Mapping[str, float]:
        """Submission -> when what became of it was on the topics: a rep or a queue for sales, else the decision."""
        return {**self.decided, **self.placed}

    @property
    def published_again(self) -> int:
        """How many records of the output topics were there already, under the same id."""
        ids = [(seen.topic, seen.ce_id) for seen in self.observed if seen.ce_id is not None]
        return len(ids) - len(set(ids))

    def of(self, topic: str) -> Sequence[Observed]:
        """Return the records of one topic."""
        return [record for record in self.observed if record.topic == topic]

    def judge(self, policy: Policy, topic_prefix: str, grace: timedelta) -> Report:
        """Hold the promises against it, everything being over."""
        tolerance = Tolerance(grace=grace, breach=max(grace, timedelta(seconds=1)))
        return audit(
            self.observed,
            Roster.of(policy),
            until=moment(),
            strict_end=True,
            tolerance=tolerance,
            topic_prefix=topic_prefix,
        )


class Stage:
    """One run of one scenario over a log that workers share."""

    def __init__(self, scenario: Scenario, settings: Settings) -> None:
        self._scenario = scenario
        self._settings = settings
        self._due: list[tuple[datetime, int, Outgoing]] = []
        self._order = itertools.count()
        self._assignments: set[tuple[str, int]] = set()
        self._sequences: dict[str, int] = {}
        self._last = time.monotonic()
        self.played = Played()

    async def play(
        self,
        over: timedelta,
        *,
        disturb: Callable[[], Coroutine[None, None, None]] | None = None,
        beside: Callable[[Played], Coroutine[None, None, None]] | None = None,
        within: float = 75.0,
    ) -> Played:
        """
        Send the load spread *over* a time and return when every lead has come to its end.

        * **disturb** - runs beside it: kills and starts things; it is waited for. **beside** - looks on meanwhile.
        * **within** - seconds until giving up, with what is still open in the message.
        """
        async with log_of(self._settings) as log:
            start = moment() + timedelta(milliseconds=200)
            self._plan(self._scenario.presence(start, over))
            self._plan(self._scenario.submissions(start + timedelta(seconds=1), over))
            tasks = [asyncio.create_task(self._watch(log)), asyncio.create_task(self._send(log))]
            if disturb is not None:
                tasks.append(asyncio.create_task(disturb()))
            looking = [asyncio.create_task(beside(self.played))] if beside is not None else []
            try:
                await self._until_over(tasks, time.monotonic() + within)
            finally:
                for task in (*tasks, *looking):
                    task.cancel()
                await asyncio.gather(*tasks, *looking, return_exceptions=True)
        return self.played

    async def _until_over(self, tasks: Sequence[asyncio.Task[None]], deadline: float) -> None:
        wanted = self._scenario.submission_ids
        while True:
            for task in tasks:
                if task.done() and task.exception() is not None:
                    task.result()
            missing = wanted - self.played.decided.keys()
            still_open = [lead for lead, is_open in self.played.open_leads.items() if is_open]
            unplaced = self.played.to_sales - self.played.open_leads.keys()
            running = [clock for clock, state in self.played.clocks.items() if state == "sla.breached.v1"]
            quiet = time.monotonic() - self._last > 1.5  # repeats of a swept outbox come within a second or so
            disturbing = any(not task.done() for task in tasks[2:])
            if not (missing or still_open or unplaced or running or self._due or disturbing) and quiet:
                return
            if time.monotonic() > deadline:
                message = (
                    f"not over: {len(missing)} undecided {sorted(missing)[:3]}, {len(still_open)} open "
                    f"{still_open[:3]}, {len(unplaced)} unplaced, {len(running)} unresolved, {len(self._due)} unsent"
                )
                raise TimeoutError(message)
            await asyncio.sleep(0.1)

    def _plan(self, timed: Sequence[Timed]) -> None:
        for one in timed:
            heapq.heappush(self._due, (one.at, next(self._order), one.record))

    async def _send(self, log: Log) -> None:
        while True:
            now = moment()
            batch = []
            while self._due and self._due[0][0] <= now:
                batch.append(heapq.heappop(self._due)[2])
            for record in batch:
                if record.topic == "form-submissions" and record.key:  # a bad one has none, and no decision either
                    self.played.sent.setdefault(record.key.decode(), time.monotonic())
            while batch:
                try:
                    await log.publisher.publish(batch)
                except DependencyDown:
                    await asyncio.sleep(0.1)
                else:
                    break
            await asyncio.sleep(0.01)

    async def _watch(self, log: Log) -> None:
        async for record in log.tail.read(list(TOPICS), follow=True):
            seen = observe(record)
            self.played.observed.append(seen)
            self._last = time.monotonic()
            if seen.data is not None:
                self._react(seen, seen.data)

    def _react(self, seen: Observed, data: Mapping[str, Any]) -> None:
        played = self.played
        match seen.ce_type:
            case "lead.decided.v1":
                played.decided.setdefault(data["submission_id"], time.monotonic())
                if data["to"] == "sales":
                    played.to_sales.add(data["lead_id"])
            case "lead.queued.v1":
                played.placed.setdefault(data["submission_id"], time.monotonic())
            case "lead.assigned.v1":
                played.placed.setdefault(data["submission_id"], time.monotonic())
                turn = (data["lead_id"], data["attempt"])
                if turn not in self._assignments:
                    self._assignments.add(turn)
                    self._plan(self._scenario.react(data))
            case "rep.presence.v1":
                self._plan(self._scenario.come_back(data))
        if seen.topic == "lead-assignments":
            self._follow(data, str(seen.ce_type))
        if seen.topic == "sla-events" and seen.ce_type != "sla.warned.v1":
            clock = (data["lead_id"], data["submission_id"])
            if played.clocks.get(clock) in (None, "sla.breached.v1"):
                played.clocks[clock] = str(seen.ce_type)

    def _follow(self, data: Mapping[str, Any], ce_type: str) -> None:
        latest = self._sequences.get(data["lead_id"], 0)
        if data["sequence"] >= latest:
            self._sequences[data["lead_id"]] = data["sequence"]
            self.played.open_leads[data["lead_id"]] = ce_type not in ENDED
            self.played.waiting[data["lead_id"]] = ce_type == "lead.queued.v1"


def observe(record: Received) -> Observed:
    """Return a record as the audit wants it."""
    try:
        data = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        data = None
    header = {name: value.decode() for name, value in record.headers.items()}
    known = data if isinstance(data, dict) else None
    return Observed(record.topic, record.partition, record.offset, header.get("ce_type"), header.get("ce_id"), known)
