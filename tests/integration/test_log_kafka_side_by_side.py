"""Two batches of one topic in work at the same time, and what is committed of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from router.adapters.kafka.producer import KafkaPublisher
from router.ports import Outgoing, Received
from tests.logs import KafkaLog, Seen, consuming


async def said(publisher: KafkaPublisher, *values: bytes) -> None:
    """Publish *values* to one partition."""
    await publisher.publish([Outgoing("t", b"k", value) for value in values])


@pytest.mark.kafka
async def test_a_batch_is_committed_after_the_one_before_it(kafka: str, prefix: str) -> None:
    """A second batch is begun, and ends, while the first is held; neither is committed, so both come again."""
    log = KafkaLog(kafka, prefix, any_order=("t",))
    await log.create("t")
    publisher, ended, held = log.publisher(), Seen.open(), asyncio.Event()

    async def handle(records: Sequence[Received]) -> None:
        if records[0].value == b"first":
            held.set()
            await asyncio.Event().wait()
        await ended(records)

    async with asyncio.timeout(60), consuming(log.member("a"), {"t": handle}):
        await said(publisher, b"first")
        await held.wait()
        await said(publisher, b"second")
        await ended.until(b"second")
        await said(publisher, b"third")  # two are enough: it waits until one of them has ended
    after = Seen.open()
    async with asyncio.timeout(60), consuming(log.member("b"), {"t": after}):
        await after.until(b"first", b"second", b"third")
    assert ended.values == [b"second"]
    assert after.values == [b"first", b"second", b"third"]
    await publisher.aclose()


@pytest.mark.kafka
async def test_a_bug_in_one_of_two_batches_ends_the_reading(kafka: str, prefix: str) -> None:
    """What a handler raises comes out of the source, and neither batch is committed."""
    log = KafkaLog(kafka, prefix, any_order=("t",))
    await log.create("t")
    publisher, both = log.publisher(), asyncio.Event()

    async def handle(records: Sequence[Received]) -> None:
        if records[0].value == b"first":
            await both.wait()
            raise ZeroDivisionError
        both.set()

    reading = asyncio.create_task(log.member("a").consume({"t": handle}))
    async with asyncio.timeout(60):
        await said(publisher, b"first")
        while not both.is_set():  # the first is fetched by itself, or together with the second
            await said(publisher, b"second")
            await asyncio.sleep(0.1)
        with pytest.raises(ZeroDivisionError):
            await reading
    after = Seen.open()
    async with asyncio.timeout(60), consuming(log.member("b"), {"t": after}):
        await after.until(b"first", b"second")
    await publisher.aclose()
