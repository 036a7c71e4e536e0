"""
What the pipeline needs of the world, as small Protocols.

Each port has one behaviour suite in `tests/`; every implementation, the
in-memory one included, passes it. Implementations stand in `router/adapters/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

Headers = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish: the topic's short name, without `ROUTER_TOPIC_PREFIX`."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """One record as the log gave it. `received_at` is when this process took it, not when it was written."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    received_at: datetime


BatchHandler = Callable[[Sequence[Received]], Awaitable[None]]
"""
Processes a batch to its end: when it returns, every record has had its effect
and what follows from it is acknowledged by the log, so the batch is committed.
It never raises for a bad record; it raises only to be cancelled.
"""


class Publisher(Protocol):
    """Writes to the log."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """
        Return when the log has acknowledged all *records*.

        Raises `DependencyDown` when it did not; any part may then have been
        written, and publishing all of it again is the way on.
        """


class Source(Protocol):
    """Reads the log as a member of a group, with at-least-once delivery."""

    async def consume(self, handlers: Mapping[str, BatchHandler]) -> None:
        """
        Feed each topic's records to its handler in batches until cancelled.

        Takes what is already there and never waits to fill a batch. A record is
        committed only after its handler returned; after a crash it comes again.
        Outlives an outage of the log by itself.
        """


class Tail(Protocol):
    """Reads the log outside any group, for watchers, checks and reports."""

    def read(self, topics: Sequence[str], *, follow: bool) -> AsyncIterator[Received]:
        """Yield all records of *topics* from the beginning; with *follow*, go on with new ones, else stop at the end."""

    async def last(self, topic: str, count: int) -> Sequence[Received]:
        """Return up to *count* newest records of each partition of *topic*; empty where the topic has none."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What an enrichment source knows: `fields` is None for a miss."""

    fields: Mapping[str, object] | None
    source: str | None


class Enricher(Protocol):
    """Looks companies up by registrable domain."""

    async def lookup(self, domain: str) -> Lookup:
        """Return what is known of *domain*; a miss is an answer. Raises `DependencyDown` when it cannot tell."""


class Clock(Protocol):
    """Where the time of a worker comes from; the ledger has its own."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
