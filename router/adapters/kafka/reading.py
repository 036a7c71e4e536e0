"""A consumer outside any group, started and closed in good order, whose calls take only so long; and what it reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.closing import close, lost_connections
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.header_names import read_any_header_name
from router.errors import DependencyDown
from router.ports import Received

ANSWERS_WITHIN = 10.0
CLOSES_WITHIN = 5.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS: Final = 221_845_392_000_000  # the year 9000: what a producer writes in microseconds is beyond any calendar

T = TypeVar("T")


@asynccontextmanager
async def reader(connection: KafkaConnection, partitions: Sequence[TopicPartition]) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer of *partitions*; raises `DependencyDown` where no broker is found."""
    read_any_header_name()
    consumer = AIOKafkaConsumer(
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        request_timeout_ms=int(ANSWERS_WITHIN * 1000),
        **connection.client_arguments(),
    )
    try:
        await bounded(connection, consumer.start())
        consumer.assign(partitions)
        yield consumer
    finally:
        await close(consumer, CLOSES_WITHIN)


async def starts(
    connection: KafkaConnection, consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], from_ms: int
) -> dict[TopicPartition, int]:
    """Return the first offset of each partition that was written at *from_ms* or later, or its end."""
    if not from_ms:
        return dict(await bounded(connection, consumer.beginning_offsets(list(ends))))
    found = await bounded(connection, consumer.offsets_for_times(dict.fromkeys(ends, from_ms)))
    return {each: end if found[each] is None else found[each].offset for each, end in ends.items()}


async def bounded(connection: KafkaConnection, call: Awaitable[T]) -> T:
    """Await *call*; raises `DependencyDown` when the broker is away or takes too long."""
    try:
        with lost_connections():
            return await asyncio.wait_for(call, ANSWERS_WITHIN)
    except (KafkaError, OSError, TimeoutError) as error:
        problem = str(error) or type(error).__name__
        raise DependencyDown(f"Kafka at {connection.bootstrap} does not answer: {problem}.") from error


def as_received(record: ConsumerRecord, topic: str, now: datetime) -> Received:
    """Return *record* as one of *topic*, by its short name, that is taken *now*."""
    return Received(
        topic, record.partition, record.offset, record.key, record.value, dict(record.headers), now, written_at(record)
    )


def written_at(record: ConsumerRecord) -> datetime:
    """Return when *record* was written, by the clock of whoever wrote it."""
    return _EPOCH + timedelta(milliseconds=max(0, min(record.timestamp, _LATEST_MS)))
