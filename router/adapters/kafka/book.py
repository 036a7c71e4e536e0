"""What a Kafka cluster says of its log, and all of it in the order of writing."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # ships no types

from router.adapters.kafka.admin import KafkaAdmin
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.reading import ANSWERS_WITHIN, as_received, bounded, reader, starts, written_at
from router.adapters.kafka.watching import problem_of
from router.errors import DependencyDown
from router.events.base import to_millis
from router.ports import Lag, Received, Span

LOOKS_EVERY_MS = 1000
AT_ONCE = 500
"""Records of one partition that are fetched ahead of the others."""


class KafkaLogBook:
    """Reads without a group; implements `router.ports.LogBook`."""

    def __init__(self, connection: KafkaConnection, topic_prefix: str, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._prefix = topic_prefix
        self._now = now

    async def spans(self, topics: Sequence[str]) -> Sequence[Span]:
        """Return what each partition holds now."""
        partitions = await self._partitions(topics)
        if not partitions:
            return []
        async with reader(self._connection, partitions) as consumer:
            first = await bounded(self._connection, consumer.beginning_offsets(partitions))
            ends = await bounded(self._connection, consumer.end_offsets(partitions))
            trimmed = {each: first[each] for each in partitions if 0 < first[each] < ends[each]}
            written = await self._written(consumer, trimmed)
        return [
            Span(self._short(each), each.partition, first[each], ends[each], written.get(each)) for each in partitions
        ]

    async def lags(self, group: str, topics: Sequence[str]) -> Sequence[Lag]:
        """Return how far *group* is behind on each partition."""
        partitions = await self._partitions(topics)
        if not partitions:
            return []
        committed = await KafkaAdmin(self._connection).committed(group)
        async with reader(self._connection, partitions) as consumer:
            first = await bounded(self._connection, consumer.beginning_offsets(partitions))
            ends = await bounded(self._connection, consumer.end_offsets(partitions))
            done = {each: max(committed.get((each.topic, each.partition), 0), first[each]) for each in partitions}
            waiting = {each: offset for each, offset in done.items() if offset < ends[each]}
            written = await self._written(consumer, waiting)
        return [
            Lag(self._short(each), each.partition, max(0, ends[each] - done[each]), written.get(each), bool(committed))
            for each in partitions
        ]

    async def _written(
        self, consumer: AIOKafkaConsumer, places: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, datetime]:
        """Return when the first record at each of *places*, or after it, was written."""
        found: dict[TopicPartition, datetime] = {}
        for each, offset in places.items():
            consumer.seek(each, offset)
        patience = asyncio.get_running_loop().time() + ANSWERS_WITHIN
        while left := [each for each in places if each not in found]:
            if asyncio.get_running_loop().time() > patience:
                raise DependencyDown(f"Kafka at {self._connection.bootstrap} sends no records. Try again.")
            fetched = await bounded(
                self._connection, consumer.getmany(*left, timeout_ms=LOOKS_EVERY_MS, max_records=len(left))
            )
            for each, records in fetched.items():
                if records:
                    found[each] = written_at(records[0])
        return found

    async def record(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return one record; None where it is gone."""
        place = TopicPartition(self._prefix + topic, partition)
        async with reader(self._connection, [place]) as consumer:
            first = (await bounded(self._connection, consumer.beginning_offsets([place])))[place]
            end = (await bounded(self._connection, consumer.end_offsets([place])))[place]
            if not first <= offset < end:
                return None
            consumer.seek(place, offset)
            found = await bounded(self._connection, consumer.getone(place))
        return self._received(found) if found.offset == offset else None

    async def in_order(self, topics: Sequence[str], *, since: datetime | None = None) -> AsyncIterator[Received]:
        """Yield the records of *topics*, written at *since* or later, as of now, the earlier written first."""
        partitions = await self._partitions(topics)
        if not partitions:
            return
        from_ms = 0 if since is None else max(0, to_millis(since))
        async with reader(self._connection, partitions) as consumer:
            ends = await bounded(self._connection, consumer.end_offsets(partitions))
            begin = await starts(self._connection, consumer, ends, from_ms)
            for each, offset in begin.items():
                consumer.seek(each, offset)
            left = {each for each in partitions if begin[each] < ends[each]}
            async for record in self._merged(consumer, ends, left):
                if record.timestamp >= from_ms:
                    yield self._received(record)

    async def _merged(
        self, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], left: set[TopicPartition]
    ) -> AsyncIterator[ConsumerRecord]:
        """Yield what stands before *ends* by time: none is taken before each partition of *left* has one at hand."""
        ahead: dict[TopicPartition, deque[ConsumerRecord]] = {each: deque() for each in left}
        heads: list[tuple[int, str, int]] = []
        empty = set(left)
        while left:
            for each in await self._fill(consumer, ends, ahead, empty, left):
                heapq.heappush(heads, (ahead[each][0].timestamp, each.topic, each.partition))
            empty = set()
            while heads and not empty:
                _, topic, partition = heapq.heappop(heads)
                each = TopicPartition(topic, partition)
                record = ahead[each].popleft()
                yield record
                if ahead[each]:
                    heapq.heappush(heads, (ahead[each][0].timestamp, topic, partition))
                elif record.offset + 1 < ends[each]:
                    empty = {each}
                else:
                    left.discard(each)

    async def _fill(
        self,
        consumer: AIOKafkaConsumer,
        ends: Mapping[TopicPartition, int],
        ahead: Mapping[TopicPartition, deque[ConsumerRecord]],
        empty: set[TopicPartition],
        left: set[TopicPartition],
    ) -> Sequence[TopicPartition]:
        """Fetch for partitions that are *empty*; return those that have records now, the others are at their end."""
        wanted, filled = set(empty), []
        silent_since = asyncio.get_running_loop().time()
        while wanted:
            fetched = await bounded(
                self._connection,
                consumer.getmany(*wanted, timeout_ms=LOOKS_EVERY_MS, max_records=AT_ONCE * len(wanted)),
            )
            for each, records in fetched.items():
                ahead[each].extend(record for record in records if record.offset < ends[each])
            for each in list(wanted):
                at_end = await bounded(self._connection, consumer.position(each)) >= ends[each]
                if ahead[each]:
                    filled.append(each)
                elif at_end:  # what is left was taken out by the broker
                    left.discard(each)
                if ahead[each] or at_end:
                    wanted.discard(each)
            now = asyncio.get_running_loop().time()
            if fetched:
                silent_since = now
            elif now - silent_since > ANSWERS_WITHIN or problem_of(consumer) is not None:
                raise DependencyDown(f"Kafka at {self._connection.bootstrap} stopped sending records. Try again.")
        return filled

    async def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        known = await KafkaAdmin(self._connection).partitions([self._prefix + topic for topic in topics])
        return [TopicPartition(name, each) for name, those in known.items() for each in those]

    def _short(self, partition: TopicPartition) -> str:
        return str(partition.topic).removeprefix(self._prefix)

    def _received(self, record: ConsumerRecord) -> Received:
        return as_received(record, record.topic.removeprefix(self._prefix), self._now())
