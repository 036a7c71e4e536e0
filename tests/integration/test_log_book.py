"""What a log says of itself, on each of the two: what it holds, how far a group is, and all of it in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from router.adapters.embedded.book import StreamLogBook
from router.adapters.kafka.book import KafkaLogBook
from router.adapters.kafka.connection import KafkaConnection
from router.ports import LogBook, Outgoing
from tests.logs import EmbeddedLog, KafkaLog, Log, Seen, consuming, now

BOTH = [pytest.param("kafka", marks=pytest.mark.kafka), "embedded"]


@pytest.fixture(params=BOTH)
def log(request: pytest.FixtureRequest, prefix: str) -> Log:
    """Give each of the two logs."""
    address = request.getfixturevalue("kafka" if request.param == "kafka" else "valkey")
    return KafkaLog(address, prefix) if request.param == "kafka" else EmbeddedLog(address, prefix)


@pytest.fixture
async def book(log: Log, request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[LogBook]:
    """Give the book of *log*."""
    if isinstance(log, KafkaLog):
        yield KafkaLogBook(KafkaConnection(request.getfixturevalue("kafka")), prefix, now)
        return
    streams = StreamLogBook(request.getfixturevalue("valkey"), prefix, now)
    yield streams
    await streams.aclose()


async def publish(log: Log, topic: str, count: int, begin: int = 0) -> None:
    """Publish so many records one after another, over all partitions."""
    publisher = log.publisher()
    for number in range(begin, begin + count):
        await publisher.publish([Outgoing(topic, b"%d" % number, b"%s %d" % (topic.encode(), number))])
    await publisher.aclose()


async def test_it_is_read_in_the_order_of_writing(log: Log, book: LogBook) -> None:
    """Records of several topics and partitions come by their times, as many as there were, and later ones do not."""
    for topic in ("a", "b"):
        await log.create(topic)
    for part in range(3):
        await publish(log, "a", 10, part * 10)
        await publish(log, "b", 10, part * 10)
    found = [record async for record in book.in_order(["a", "b", "none"])]
    times = [record.written_at for record in found if record.written_at is not None]
    assert sorted(record.value or b"" for record in found) == sorted(
        b"%s %d" % (topic, number) for topic in (b"a", b"b") for number in range(30)
    )
    assert len(times) == 60
    assert times == sorted(times)
    half = [record async for record in book.in_order(["a", "b"], since=times[30])]
    assert {record.value for record in half} == {r.value for r in found if r.written_at and r.written_at >= times[30]}


async def test_it_tells_how_far_a_group_is(log: Log, book: LogBook, prefix: str) -> None:
    """A group that was never there is behind by all; one that has done its work by nothing; then by what is new."""
    await log.create("t")
    await publish(log, "t", 5)
    before = await book.lags("nobody", ["t"])
    assert sum(lag.count for lag in before) == 5
    assert not any(lag.begun for lag in before)
    assert min(lag.since for lag in before if lag.since is not None) <= now()
    group = f"{prefix}group" if isinstance(log, KafkaLog) else "group"
    member, seen = log.member("a"), Seen.open()
    async with consuming(member, {"t": seen}):
        await seen.until(*(b"t %d" % number for number in range(5)))
        async with asyncio.timeout(30):
            while any(lag.count for lag in await book.lags(group, ["t"])):  # noqa: ASYNC110 - a commit has no event
                await asyncio.sleep(0.1)
    await publish(log, "t", 2, 5)
    after = await book.lags(group, ["t"])
    assert sum(lag.count for lag in after) == 2
    assert all(lag.begun for lag in after)
    assert all((lag.since is None) == (lag.count == 0) for lag in after)


async def test_it_finds_one_record_and_the_ends(log: Log, book: LogBook) -> None:
    """Every record is found at its place, and spans cover them all, with nothing trimmed."""
    await log.create("t")
    await publish(log, "t", 6)
    spans = await book.spans(["t"])
    assert sum(span.end - span.first for span in spans) == 6
    assert all(span.trimmed_to is None for span in spans)
    for record in [record async for record in book.in_order(["t"])]:
        again = await book.record("t", record.partition, record.offset)
        assert again is not None
        assert (again.key, again.value) == (record.key, record.value)
    assert await book.record("t", spans[0].partition, spans[0].end + 5) is None
