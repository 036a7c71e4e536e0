"""
What the pipeline needs of the world, as small Protocols.

Each port has one behaviour suite in `tests/`; every implementation, the
in-memory one included, passes it. Implementations stand in `router/adapters/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from router.domain.ledger.verbs import Verb

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
    """
    One record as the log gave it.

    `received_at` is when this process took it; `written_at` when it was written, by the clock of whoever wrote it,
    told by readers outside any group.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    received_at: datetime
    written_at: datetime | None = None


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

    async def aclose(self) -> None:
        """Let what is on its way arrive, and close the connections."""


class Source(Protocol):
    """Reads the log as a member of a group, with at-least-once delivery."""

    async def consume(self, handlers: Mapping[str, BatchHandler]) -> None:
        """
        Feed each topic's records to its handler in batches until cancelled.

        Takes what is already there and never waits to fill a batch. A record is
        committed only after its handler returned; after a crash it comes again.
        Outlives an outage of the log by itself; raises `DependencyDown` only when
        it finds no log at its start.
        """

    async def lag(self) -> Mapping[str, int]:
        """
        Return, by topic, how many records this member has not yet taken to their end, as far as it knows.

        Raises `DependencyDown`.
        """


class Group(Protocol):
    """The members that share the partitions of a log, where the log itself is slow to notice that one has died."""

    @property
    def member(self) -> str | None:
        """What the log calls this process; None while it has not joined."""

    async def remove(self, member: str) -> None:
        """Let others read what *member* read; one that is not there is no error. Raises `DependencyDown`."""


class Signs(Protocol):
    """Where the members of a group leave signs of life for each other."""

    async def give(self, member: str | None, sign: str) -> Mapping[str, str]:
        """Leave *sign*, another one each time, for *member*, and return the last of each. Raises `DependencyDown`."""

    async def forget(self, member: str) -> None:
        """Remove what *member* left. Raises `DependencyDown`."""


Progress = Mapping[tuple[str, int], int]
"""Of a topic's partition: the offset up to which every record was handled and committed."""


class Tail(Protocol):
    """Reads the log outside any group, for watchers, checks and reports."""

    def read(
        self, topics: Sequence[str], *, follow: bool, since: datetime | None = None, key: bytes | None = None
    ) -> AsyncIterator[Received]:
        """
        Yield the records of *topics*; with *follow* go on with new ones, else stop at the end.

        * **since** - leave out what was written before, by the clock of whoever wrote it; without it begin at the
          beginning. What is left out is not read either, so this is the way to look into a log that is long.
        * **key** - leave out records with any other key.
        """

    def batches(self, topics: Sequence[str], *, since: datetime | None = None) -> AsyncIterator[Sequence[Received]]:
        """
        Yield all records of *topics* up to their end, from *since*, in batches: the way to read very many.

        What was written first comes first, as nearly as partitions can be read side by side. Records that were
        written a little before *since* may be among them.
        """

    async def last(self, topic: str, count: int) -> Sequence[Received]:
        """Return up to *count* newest records of each partition of *topic*; empty where the topic has none."""

    async def aclose(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Span:
    """
    What one partition of a topic holds: offsets from *first* up to but not with *end*.

    *trimmed_to* is when the first record was written, where older ones are gone; None where nothing is.
    """

    topic: str
    partition: int
    first: int
    end: int
    trimmed_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """
    How far a group is behind on one partition: *count* records, the oldest of them written at *since*.

    *since* is None where there are none; *begun* is False where the log does not know the group (yet).
    """

    topic: str
    partition: int
    count: int
    since: datetime | None = None
    begun: bool = True


class LogBook(Protocol):
    """What the log says of itself, and all of it in the order of writing: for whoever checks it."""

    async def spans(self, topics: Sequence[str]) -> Sequence[Span]:
        """Return what each partition holds now. Raises `DependencyDown`."""

    async def lags(self, group: str, topics: Sequence[str]) -> Sequence[Lag]:
        """
        Return how far *group* is behind on each partition; what it has not committed counts. Raises `DependencyDown`.

        A group that was never there is behind by all there is.
        """

    async def record(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return one record; None where it is gone. Raises `DependencyDown`."""

    def in_order(self, topics: Sequence[str], *, since: datetime | None = None) -> AsyncIterator[Received]:
        """
        Yield the records of *topics*, written at *since* or later, as of now, the earlier written first.

        It holds a bounded part of the log. Where a partition itself is not in the order of its times, its records
        come as they stand there. Raises `DependencyDown`.
        """


@dataclass(frozen=True, slots=True)
class Lookup:
    """What an enrichment source knows: `fields` is None for a miss."""

    fields: Mapping[str, object] | None
    source: str | None


class Enricher(Protocol):
    """Looks companies up by registrable domain."""

    def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
        """
        Give what is known of each domain, in parts as the answers come; a miss is an answer.

        A domain that is in no part could not be looked up. The caller has a time
        budget and listens no longer than that: what came by then counts.
        """


@dataclass(frozen=True, slots=True)
class Activity:
    """One behaviour of `whose` (see `Activities`), to be counted once by `activity_id`. `at` is in ms."""

    whose: str
    activity_id: str
    kind: str
    at: int


class Activities(Protocol):
    """Remembers behaviour, by `lead:<lead_id>` for a person and `domain:<domain>` for a company."""

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember them; one whose id is known of the same already changes nothing. Raises `DependencyDown`."""

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        """Return (id, kind, at in ms) of each in the order asked for. Raises `DependencyDown`."""


@dataclass(frozen=True, slots=True)
class Applied:
    """
    What one verb came to in the ledger.

    * **code** - that of `router.domain.ledger.facts.Answer`, or `error` for a bug inside the ledger.
    * **facts** - JSON list of facts; **decision** - JSON of the decision that a `decided` fact among them speaks of.
    * **entry** - names it in the outbox, where it stands until `published`; empty where there are no facts.
    """

    code: str
    facts: bytes
    decision: bytes = b""
    entry: bytes = b""
    trace: str | None = None
    message: str = ""


class Ledger(Protocol):
    """
    Who holds which lead, who is free, who waits.

    Each verb is one atomic step and safe to repeat. What follows from it stands
    in the outbox from the same instant on, so that a process that dies before it
    has published loses nothing.
    """

    async def apply(self, verbs: Sequence[Verb]) -> Sequence[Applied]:
        """
        Apply *verbs* in order and answer each.

        Raises `DependencyDown` where the ledger did not answer; then they may have been applied, applying them again
        is harmless, and their facts come from the outbox.
        """

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take out of the outbox what the log has acknowledged."""

    def give_up(self) -> None:
        """Leave what this process has applied and not published to the next sweep, of whichever process."""

    async def abandoned(self, after: bytes = b"") -> Sequence[Applied]:
        """
        Return a part of what stands in the outbox and whose publisher is gone; empty where there is none.

        The oldest first; *after* is the entry of the last one that was returned before.
        """


class Clock(Protocol):
    """Where the time of a worker comes from; the ledger has its own."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
