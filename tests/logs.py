"""The two logs behind one face, for tests that hold for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from router.adapters.embedded.progress import progress
from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.adapters.kafka.admin import KafkaAdmin, TopicSpec
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.consumer import KafkaTail
from router.adapters.kafka.faust_app import FaustSource
from router.adapters.kafka.producer import KafkaPublisher
from router.ports import BatchHandler, Publisher, Received, Source, Tail


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)  # noqa: TID251 - the clock of the tests with real servers


class Log(Protocol):
    """One log, with topics of one test."""

    async def create(self, *topics: str) -> None:
        """Make *topics*."""

    def publisher(self) -> Publisher:
        """Return a publisher."""

    def member(self, name: str) -> Source:
        """Return a member of the test's group."""

    def tail(self) -> Tail:
        """Return a reader without a group."""

    async def progress(self, topic: str) -> Mapping[int, int]:
        """Return how far the test's group has come with *topic*: the offset of each partition."""


@dataclass(slots=True)
class KafkaLog:
    """The log on Kafka."""

    address: str
    prefix: str
    partitions: int = 2
    any_order: tuple[str, ...] = ()

    async def create(self, *topics: str) -> None:
        """Make *topics*."""
        specs = [TopicSpec(self.prefix + topic, self.partitions, {}) for topic in topics]
        await KafkaAdmin(KafkaConnection(self.address)).create(specs)

    def publisher(self) -> KafkaPublisher:
        """Return a publisher."""
        return KafkaPublisher(KafkaConnection(self.address), self.prefix)

    def member(self, name: str) -> FaustSource:  # noqa: ARG002 - Kafka names its members itself
        """Return a member of the test's group."""
        group = f"{self.prefix}group"
        return FaustSource(KafkaConnection(self.address), self.prefix, group=group, now=now, any_order=self.any_order)

    def tail(self) -> KafkaTail:
        """Return a reader without a group."""
        return KafkaTail(KafkaConnection(self.address), self.prefix, now)

    async def progress(self, topic: str) -> Mapping[int, int]:
        """Return how far the test's group has come with *topic*."""
        committed = await KafkaAdmin(KafkaConnection(self.address)).committed(f"{self.prefix}group")
        return {part: offset for (name, part), offset in committed.items() if name == self.prefix + topic}


@dataclass(slots=True)
class EmbeddedLog:
    """The log on Redis Streams."""

    url: str
    prefix: str

    async def create(self, *topics: str) -> None:
        """Do nothing: a stream is made by its first record."""

    def publisher(self) -> StreamPublisher:
        """Return a publisher."""
        return StreamPublisher(self.url, self.prefix, now)

    def member(self, name: str) -> StreamSource:
        """Return a member of the test's group."""
        return StreamSource(self.url, self.prefix, group="group", consumer=name, now=now, claim_after=1.0)

    def tail(self) -> StreamTail:
        """Return a reader without a group."""
        return StreamTail(self.url, self.prefix, now)

    async def progress(self, topic: str) -> Mapping[int, int]:
        """Return how far the test's group has come with *topic*."""
        found = await progress(self.url, self.prefix, "group", [topic])
        return {part: offset for (_, part), offset in found.items()}


@dataclass(slots=True)
class Seen:
    """A handler that remembers what it was given; until `opened` it holds on to it, unfinished."""

    records: list[Received] = field(default_factory=list)
    started: list[Received] = field(default_factory=list)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @classmethod
    def open(cls) -> Seen:
        """Return one that finishes everything at once."""
        seen = cls()
        seen.opened.set()
        return seen

    async def __call__(self, records: Sequence[Received]) -> None:
        """Handle *records*."""
        async with self.changed:
            self.started += records
            self.changed.notify_all()
        await self.opened.wait()
        async with self.changed:
            self.records += records
            self.changed.notify_all()

    @property
    def values(self) -> list[bytes | None]:
        """The values of what was finished, in order."""
        return [record.value for record in self.records]

    async def until(self, *values: bytes) -> None:
        """Return when all *values* were finished."""
        async with self.changed:
            await self.changed.wait_for(lambda: set(values) <= set(self.values))

    async def until_started(self, count: int) -> None:
        """Return when *count* records were begun."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.started) >= count)


@asynccontextmanager
async def consuming(source: Source, handlers: Mapping[str, BatchHandler]) -> AsyncIterator[asyncio.Task[None]]:
    """Run *source* in the background; its failure fails the test."""
    task = asyncio.create_task(source.consume(handlers))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
