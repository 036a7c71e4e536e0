"""What is read of a Kafka whose topics are given more partitions while they are followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from aiokafka import ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # the package ships no types

from router.adapters.kafka import consumer as module
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.consumer import KafkaTail
from router.errors import DependencyDown

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


def record(partition: int, offset: int) -> ConsumerRecord:
    """Return a record of the topic `t`."""
    return ConsumerRecord("t", partition, offset, 0, 0, None, b"{}", None, 0, 2, [])


@dataclass
class Broker:
    """Holds the records of `t` by partition, and is asked for its partitions; `away` fails as many of those."""

    kept: dict[int, list[ConsumerRecord]]
    away: int = 0
    asked: int = 0

    async def partitions(self, _topics: Sequence[str]) -> list[TopicPartition]:
        """Return the partitions."""
        self.asked += 1
        if self.asked > 1 and self.away:
            self.away -= 1
            raise DependencyDown("no broker answers")
        return [TopicPartition("t", one) for one in self.kept]

    @asynccontextmanager
    async def reader(self, _connection: KafkaConnection, partitions: Sequence[TopicPartition]) -> AsyncIterator[Reader]:
        """Give a consumer of *partitions*."""
        yield Reader(self, dict.fromkeys(partitions, 0))


@dataclass
class Reader:
    """As much of a consumer as is asked for: begins at the beginning where it is not told to seek."""

    broker: Broker
    places: dict[TopicPartition, int] = field(default_factory=dict)

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the first offsets."""
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the offsets after the last ones."""
        return {each: len(self.broker.kept[each.partition]) for each in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Go on from *offset*; as aiokafka does, only of what is assigned."""
        assert partition in self.places
        self.places[partition] = offset

    async def getmany(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:  # noqa: ARG002 - as aiokafka has it
        """Return all that was not returned yet."""
        await asyncio.sleep(0)
        found = {each: self.broker.kept[each.partition][at:] for each, at in self.places.items()}
        self.places = {each: len(self.broker.kept[each.partition]) for each in self.places}
        return found


@pytest.mark.parametrize("away", [0, 2], ids=["", "after an outage"])
async def test_partitions_that_are_added_are_read_from_their_beginning(
    monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """Whoever follows the log sees all of them, and nothing of the others twice."""
    broker = Broker({0: [record(0, 0)]}, away)
    monkeypatch.setattr(module, "ASKS_EVERY", 0.01, raising=False)
    monkeypatch.setattr(module, "reader", broker.reader)
    monkeypatch.setattr(module, "problem_of", lambda _: None)
    tail = KafkaTail(KafkaConnection("127.0.0.1:1"), "", lambda: NOW)
    monkeypatch.setattr(tail, "_partitions", broker.partitions)
    seen: list[tuple[int, int]] = []

    async def follow() -> None:
        async for one in tail.read(["t"], follow=True):
            seen.append((one.partition, one.offset))
            if one.partition == 0 and one.offset == 0:
                broker.kept[1] = [record(1, 0), record(1, 1)]
            if (one.partition, one.offset) == (1, 1):
                broker.kept[0].append(record(0, 1))
            if len(seen) == 4:
                return

    await asyncio.wait_for(follow(), 5)
    assert seen == [(0, 0), (1, 0), (1, 1), (0, 1)]
