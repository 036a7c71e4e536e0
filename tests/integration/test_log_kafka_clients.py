"""The publisher and the tail on Kafka part with a client of aiokafka that is of no use any more, and wait for none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka import reading
from router.adapters.kafka.producer import KafkaPublisher
from router.errors import DependencyDown
from router.ports import Outgoing
from tests.integration.methods import failing, never
from tests.logs import KafkaLog

pytestmark = pytest.mark.kafka

RECORD = Outgoing("t", b"k", b"v")
RESET = RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")


@pytest.fixture
async def log(kafka: str, prefix: str) -> KafkaLog:
    """A log with one topic."""
    log = KafkaLog(kafka, prefix)
    await log.create("t")
    return log


@pytest.fixture
async def publisher(log: KafkaLog) -> AsyncIterator[KafkaPublisher]:
    """A publisher of it."""
    publisher = log.publisher()
    yield publisher
    await publisher.aclose()


async def test_a_reset_that_uvloop_tells_is_an_outage(
    publisher: KafkaPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What uvloop raises for a connection that was reset is `DependencyDown`, when connecting and when sending."""
    for name in ("start", "send_batch"):
        with monkeypatch.context() as patched:
            patched.setattr(AIOKafkaProducer, name, failing(RESET))
            with pytest.raises(DependencyDown):
                await publisher.publish([RECORD])
        await publisher.publish([RECORD])


async def test_other_bugs_are_no_outage(publisher: KafkaPublisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is a bug is not taken for an outage, which would be tried again for ever."""
    monkeypatch.setattr(AIOKafkaProducer, "send_batch", failing(NotImplementedError("a test's")))
    with pytest.raises(NotImplementedError):
        await publisher.publish([RECORD])


async def test_a_producer_that_knows_no_topics_any_more_is_replaced(publisher: KafkaPublisher) -> None:
    """Where one producer's knowledge of the cluster is dead, a publish fails and the next one has a fresh producer."""
    await publisher.publish([RECORD])
    dead = publisher._producer
    assert dead is not None
    dead.client._sync_task.cancel()
    dead.client.cluster._partitions.clear()
    with pytest.raises(DependencyDown):
        await publisher.publish([RECORD])
    await publisher.publish([RECORD])


async def test_a_producer_that_does_not_stop_holds_up_nobody(
    publisher: KafkaPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a producer neither starts nor stops, the failure is told within seconds."""

    async def stop_never(producer: AIOKafkaProducer) -> None:
        producer._closed = True
        await never()

    monkeypatch.setattr(AIOKafkaProducer, "start", failing(KafkaConnectionError("a test's")))
    monkeypatch.setattr(AIOKafkaProducer, "stop", stop_never)
    async with asyncio.timeout(5):
        with pytest.raises(DependencyDown):
            await publisher.publish([RECORD])


async def test_a_tail_that_does_not_stop_holds_up_nobody(
    log: KafkaLog, publisher: KafkaPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading whose consumer does not stop ends all the same."""
    await publisher.publish([RECORD])
    stops, before = AIOKafkaConsumer.stop, asyncio.all_tasks()

    async def stop_late(client: AIOKafkaConsumer) -> None:
        try:
            await never()
        finally:
            await stops(client)

    monkeypatch.setattr(reading, "CLOSES_WITHIN", 0.2)
    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop_late)
    async with asyncio.timeout(10):
        assert [record.value async for record in log.tail().read(["t"], follow=False)] == [b"v"]
        await asyncio.wait(asyncio.all_tasks() - before)
