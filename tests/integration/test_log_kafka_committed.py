"""Where a member of a group goes on: asked for once, whatever the number of its partitions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition  # type: ignore[import-untyped]  # no types
from aiokafka.protocol.commit import OffsetFetchRequest  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.admin import KafkaAdmin, TopicSpec
from router.adapters.kafka.committed import seek_to_committed
from router.adapters.kafka.connection import KafkaConnection

PARTITIONS = 12
WRITTEN = 5


@asynccontextmanager
async def member(kafka: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Join the group of the topic's name, alone, and wait for its partitions."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka, group_id=topic, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@pytest.mark.kafka
async def test_all_partitions_are_asked_for_at_once(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once for each; what was committed is where it goes on, and of what never was nothing is said."""
    topic = f"{prefix}committed"
    await KafkaAdmin(KafkaConnection(kafka)).create([TopicSpec(topic, PARTITIONS, {})])
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for _ in range(WRITTEN):
            await producer.send_and_wait(topic, b"x", partition=3)
    async with member(kafka, topic) as first:
        await first.commit({places[3]: 4, places[7]: 0})

    async with member(kafka, topic) as second:
        asked = 0
        send = second._coordinator._send_req

        async def counting(request: Any) -> Any:  # noqa: ANN401 - as the library has it
            nonlocal asked
            asked += isinstance(request, OffsetFetchRequest)
            return await send(request)

        monkeypatch.setattr(second._coordinator, "_send_req", counting)
        offsets = await seek_to_committed(second)
        assert 0 < asked < PARTITIONS / 3  # what aiokafka asks by itself when partitions are dealt out is among them
        assert offsets == dict.fromkeys(places) | {places[3]: 4, places[7]: 0}
        assert await second.position(places[3]) == 4
