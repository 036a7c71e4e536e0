"""Reads topics outside any group with plain aiokafka, for watchers, checks and reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.admin import KafkaAdmin
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.reading import ANSWERS_WITHIN, as_received, bounded, reader, starts
from router.adapters.kafka.speed import read_fast
from router.adapters.kafka.watching import problem_of
from router.errors import DependencyDown
from router.events.base import to_millis
from router.pipeline.ending import end
from router.ports import Received

LOOKS_EVERY_MS = 1000  # how long one fetch waits; new records end the wait at once
BEGINS_AGAIN_AFTER = 1.0  # seconds
ASKS_EVERY = 60.0  # seconds: whether partitions were added
AT_ONCE = 2000  # records
SIDE_BY_SIDE_MS = 60_000  # partitions that are read in step may differ by as much


_log = structlog.get_logger(__name__)


class KafkaTail:
    """
    Reads the log from its beginning, from an instant, or its end.

    A topic that does not exist has no records. Partitions that are added while
    it is followed are read from their beginning, a minute later at most.

    Records of one *key* are looked for in every partition, not only in the one
    that the key has now: where partitions were added to a topic, older records
    of the key stand in others. So it is `since` that makes a reading short.
    """

    def __init__(self, connection: KafkaConnection, topic_prefix: str, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._prefix = topic_prefix
        self._now = now

    async def read(
        self, topics: Sequence[str], *, follow: bool, since: datetime | None = None, key: bytes | None = None
    ) -> AsyncIterator[Received]:
        """
        Yield the records of *topics*, of *key*, from *since*; with *follow*, go on with new ones through any outage.

        Without *follow*, stop at what was the end when the reading began.
        Raises `DependencyDown` when no broker is found at the start.
        """
        from_ms = 0 if since is None else max(0, to_millis(since))
        partitions = await self._partitions(topics)
        if not partitions:
            return
        async with reader(self._connection, partitions) as consumer:
            ends = await bounded(self._connection, consumer.end_offsets(partitions))
            begin = await starts(self._connection, consumer, ends, from_ms)
            if not follow:
                _seek(consumer, begin)
                async for record in self._up_to(consumer, ends):
                    if record.timestamp >= from_ms and key in (None, record.key):
                        yield self._received(record)
                return
        async for record in self._new(topics, begin):
            if record.timestamp >= from_ms and key in (None, record.key):
                yield self._received(record)

    async def _new(self, topics: Sequence[str], places: dict[TopicPartition, int]) -> AsyncIterator[ConsumerRecord]:
        """Yield what stands at *places* and after, and all of what is added to *topics*."""
        partitions = set(places)
        asking = asyncio.create_task(self._keep_asking(topics, partitions))
        try:
            while True:
                async for record in self._while_none_is_added(partitions, places):
                    yield record
        finally:
            await end([asking])

    async def _while_none_is_added(
        self, partitions: Collection[TopicPartition], places: dict[TopicPartition, int]
    ) -> AsyncIterator[ConsumerRecord]:
        """Yield until there are more *partitions*; a consumer that failed is followed by another, where it was."""
        these = list(partitions)
        while len(these) == len(partitions):
            try:
                async with reader(self._connection, these) as consumer:
                    _seek(consumer, places)
                    while (problem := problem_of(consumer)) is None:
                        for partition, records in (await consumer.getmany(timeout_ms=LOOKS_EVERY_MS)).items():
                            for record in records:
                                places[partition] = record.offset + 1
                                yield record
                        if len(these) != len(partitions):
                            return
            except (DependencyDown, KafkaError) as error:
                problem = error
            _log.warning("tail_begins_again", problem=repr(problem))
            await asyncio.sleep(BEGINS_AGAIN_AFTER)

    async def _keep_asking(self, topics: Sequence[str], partitions: set[TopicPartition]) -> None:
        """Note for ever which partitions are added."""
        while True:
            await asyncio.sleep(ASKS_EVERY)
            with suppress(DependencyDown, KafkaError):  # who reads says so, too, and goes on
                partitions.update(await self._partitions(topics))

    async def batches(
        self, topics: Sequence[str], *, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Received]]:
        """
        Yield all records of *topics* up to their end, from *since*, in batches, what was written first coming first.

        Raises `DependencyDown` when no broker is found, or it stops sending.
        """
        read_fast()
        partitions = await self._partitions(topics)
        if not partitions:
            return
        async with reader(self._connection, partitions) as consumer:
            ends = await bounded(self._connection, consumer.end_offsets(partitions))
            begin = await starts(self._connection, consumer, ends, 0 if since is None else max(0, to_millis(since)))
            _seek(consumer, begin)
            left = {each: begin[each] for each in partitions if begin[each] < ends[each]}
            front = dict.fromkeys(left, 0)
            async for partition, records in self._oldest_first(consumer, left, front, ends):
                wanted = [record for record in records if record.offset < ends[partition]]
                left[partition], front[partition] = records[-1].offset + 1, records[-1].timestamp
                if left[partition] >= ends[partition]:
                    del left[partition], front[partition]
                yield self._all_received(wanted)

    async def _oldest_first(
        self,
        consumer: AIOKafkaConsumer,
        left: dict[TopicPartition, int],
        front: dict[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> AsyncIterator[tuple[TopicPartition, list[ConsumerRecord]]]:
        """Yield what comes of the partitions that are *left*, never much newer than what others still hold back."""
        clock = asyncio.get_running_loop().time
        silent_since = clock()
        while left:
            oldest = min(front.values())
            behind = [each for each, at in front.items() if at <= oldest + SIDE_BY_SIDE_MS]
            fetched = await bounded(
                self._connection, consumer.getmany(*behind, timeout_ms=LOOKS_EVERY_MS, max_records=AT_ONCE)
            )
            for partition, records in fetched.items():
                if partition in left:
                    yield partition, records
            if fetched:
                silent_since = clock()
                continue
            for each in list(left):  # the marks of a transaction have offsets too, and are no records
                if await bounded(self._connection, consumer.position(each)) >= ends[each]:
                    del left[each], front[each]
            if not left:
                return
            if clock() - silent_since > ANSWERS_WITHIN or problem_of(consumer) is not None:
                raise DependencyDown(f"Kafka at {self._connection.bootstrap} stopped sending records. Try again.")

    async def last(self, topic: str, count: int) -> Sequence[Received]:
        """Return up to *count* newest records of each partition of *topic*; empty where it has none."""
        partitions = await self._partitions([topic])
        async with reader(self._connection, partitions) as consumer:
            first = await bounded(self._connection, consumer.beginning_offsets(partitions))
            ends: Mapping[TopicPartition, int] = await bounded(self._connection, consumer.end_offsets(partitions))
            for each in partitions:
                consumer.seek(each, max(first[each], ends[each] - count))
            found = [self._received(record) async for record in self._up_to(consumer, ends)]
        return sorted(found, key=lambda record: (record.partition, record.offset))

    async def aclose(self) -> None:
        """Do nothing: each reading has its own connection and closes it."""

    async def _up_to(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]
    ) -> AsyncIterator[ConsumerRecord]:
        left, silent_since = set(ends), asyncio.get_running_loop().time()
        while left := {each for each in left if await bounded(self._connection, consumer.position(each)) < ends[each]}:
            fetched = await bounded(self._connection, consumer.getmany(*left, timeout_ms=LOOKS_EVERY_MS))
            for partition, records in fetched.items():
                for record in records:
                    if record.offset < ends[partition]:
                        yield record
            now = asyncio.get_running_loop().time()
            if fetched:
                silent_since = now
            elif now - silent_since > ANSWERS_WITHIN or problem_of(consumer) is not None:
                raise DependencyDown(f"Kafka at {self._connection.bootstrap} stopped sending records. Try again.")

    async def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        names = [self._prefix + topic for topic in topics]
        known = await KafkaAdmin(self._connection).partitions(names)
        return [TopicPartition(name, each) for name, those in known.items() for each in those]

    def _all_received(self, records: Sequence[ConsumerRecord]) -> list[Received]:
        if not records:
            return []
        topic, now = records[0].topic.removeprefix(self._prefix), self._now()
        return [as_received(one, topic, now) for one in records]

    def _received(self, record: ConsumerRecord) -> Received:
        return as_received(record, record.topic.removeprefix(self._prefix), self._now())


def _seek(consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, int]) -> None:
    for partition, offset in places.items():
        consumer.seek(partition, offset)
