"""Small implementations of our ports, in memory: what a test of the pipeline gives its steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import orjson

from router.domain.ledger.facts import Answer
from router.domain.ledger.model import apply
from router.domain.ledger.state import Ledger as State
from router.domain.ledger.verbs import Verb
from router.errors import DependencyDown
from router.events.base import to_millis
from router.ports import Activity, Applied, Lookup, Outgoing, Received

MONDAY = datetime(2026, 3, 2, 14, tzinfo=UTC)


class ManualClock:
    """A clock for tests: it stands still until a test moves it."""

    def __init__(self, now: datetime = MONDAY) -> None:
        self.moment = now

    def now(self) -> datetime:
        """Return the moment."""
        return self.moment

    def advance(self, **by: float) -> None:
        """Move on, `seconds=5` or whatever `timedelta` takes."""
        self.moment += timedelta(**by)


@dataclass
class Outage:
    """A server that can be away: the next `left` calls fail."""

    left: int = 0

    def happen(self, what: str) -> None:
        """Raise `DependencyDown` while it lasts."""
        if self.left:
            self.left -= 1
            raise DependencyDown(f"{what} does not answer")


@dataclass
class MemoryPublisher:
    """A log that keeps what it is given, in order; implements `router.ports.Publisher`."""

    records: list[Outgoing] = field(default_factory=list)
    outage: Outage = field(default_factory=Outage)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Keep *records*, or none of them."""
        self.outage.happen("the log")
        self.records += records

    async def aclose(self) -> None:
        """Do nothing."""

    def on(self, topic: str) -> list[dict[str, Any]]:
        """Return the data of all records on *topic*, each id once."""
        seen = {record.headers["ce_id"]: record.value for record in self.records if record.topic == topic}
        return [orjson.loads(value or b"{}") for value in seen.values()]

    def types(self, topic: str) -> list[str]:
        """Return the types of all records on *topic*."""
        return [record.headers["ce_type"].decode() for record in self.records if record.topic == topic]


class MemoryActivities:
    """Behaviour in a dict; implements `router.ports.Activities`."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, tuple[str, int]]] = {}
        self.outage = Outage()

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember them, each once."""
        self.outage.happen("Redis")
        for one in activities:
            self.known.setdefault(one.whose, {}).setdefault(one.activity_id, (one.kind, one.at))

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        """Return what is known of each."""
        self.outage.happen("Redis")
        return [[(one_id, kind, at) for one_id, (kind, at) in self.known.get(one, {}).items()] for one in whose]


@dataclass
class MemoryEnricher:
    """Knows what it is told; implements `router.ports.Enricher`."""

    companies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    async def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
        """Answer at once for every domain."""
        yield {domain: Lookup(self.companies.get(domain), "memory") for domain in domains}


class MemoryLedger:
    """
    The model with an outbox; implements `router.ports.Ledger`.

    * **outage** - calls that fail before anything is applied; **lost** - calls whose answer is lost after it was.
    * **bug** - raised for a verb it returns true for, as an error inside the ledger.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.state = State()
        self.outbox: dict[bytes, tuple[int, Applied]] = {}
        self.outage, self.lost = Outage(), Outage()
        self.bug: Callable[[Verb], bool] = lambda _: False
        self._publisher = 0
        self._entries = count(1)

    async def apply(self, verbs: Sequence[Verb], now: int | None = None) -> Sequence[Applied]:
        """Apply *verbs* at the clock's moment, or at *now* (ms)."""
        self.outage.happen("the ledger")
        moment = to_millis(self._clock.now()) if now is None else now
        answers = [self._one(verb, moment) for verb in verbs]
        try:
            self.lost.happen("the ledger")
        except DependencyDown:
            self.give_up()
            raise
        return answers

    def _one(self, verb: Verb, now: int) -> Applied:
        if self.bug(verb):
            return Applied("error", b"[]", message="a bug")
        answer: Answer = apply(self.state, verb, now)
        facts = orjson.dumps(answer.facts)
        entry = b"%d" % next(self._entries) if answer.facts else b""
        trace = getattr(verb, "trace", None)
        applied = Applied(answer.code, facts, answer.decision.encode(), entry, trace)
        if entry:
            self.outbox[entry] = (self._publisher, applied)
        return applied

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take *applied* out of the outbox."""
        for one in applied:
            self.outbox.pop(one.entry, None)

    def give_up(self) -> None:
        """Leave what stands in the outbox to the next sweep."""
        self._publisher += 1

    async def abandoned(self, after: bytes = b"") -> Sequence[Applied]:
        """Return what was given up."""
        left = [applied for publisher, applied in self.outbox.values() if publisher != self._publisher]
        return [applied for applied in left if not after or int(applied.entry) > int(after)]


class MemoryTail:
    """A log in memory, of one partition a topic; implements `router.ports.Tail` as far as `batches` and `last` go."""

    def __init__(self, records: Iterable[Outgoing], now: datetime) -> None:
        self.topics: dict[str, list[Received]] = {}
        for one in records:
            known = self.topics.setdefault(one.topic, [])
            known.append(Received(one.topic, 0, len(known), one.key, one.value, one.headers, now))

    async def batches(
        self,
        topics: Sequence[str],
        *,
        since: datetime | None = None,  # noqa: ARG002 - all was written at the same moment
    ) -> AsyncIterator[Sequence[Received]]:
        """Yield everything."""
        for topic in topics:
            known = self.topics.get(topic, [])
            for start in range(0, len(known), 5_000):
                yield known[start : start + 5_000]

    def read(
        self, topics: Sequence[str], *, follow: bool, since: datetime | None = None, key: bytes | None = None
    ) -> AsyncIterator[Received]:
        """Do nothing of the kind."""
        raise NotImplementedError

    async def last(self, topic: str, count: int) -> Sequence[Received]:
        """Return the newest."""
        return self.topics.get(topic, [])[-count:]

    async def aclose(self) -> None:
        """Do nothing."""
