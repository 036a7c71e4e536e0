"""What the ports promise of a log, on each of the two."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
import stamina

from router.errors import DependencyDown
from router.ports import Outgoing, Publisher, Received, Tail
from tests.kafka.server import KafkaServer
from tests.logs import EmbeddedLog, KafkaLog, Log, Seen, consuming
from tests.valkey import ValkeyServer

BOTH = [pytest.param("kafka", marks=pytest.mark.kafka), "embedded"]

MEMBER = """
import asyncio, sys
from tests.logs import EmbeddedLog, KafkaLog
kind, address, prefix = sys.argv[1:]
log = (KafkaLog if kind == "KafkaLog" else EmbeddedLog)(address, prefix)
async def stuck(records):
    print(len(records), flush=True)
    await asyncio.Event().wait()
asyncio.run(log.member("dies").consume({"t": stuck}))
"""


@pytest.fixture(params=BOTH)
def log(request: pytest.FixtureRequest, prefix: str) -> Log:
    """Give each of the two logs."""
    address = request.getfixturevalue("kafka" if request.param == "kafka" else "valkey")
    return KafkaLog(address, prefix) if request.param == "kafka" else EmbeddedLog(address, prefix)


@pytest.fixture
async def publisher(log: Log) -> AsyncIterator[Publisher]:
    """Give a publisher of *log*."""
    publisher = log.publisher()
    yield publisher
    await publisher.aclose()


def _records(values: range, topic: str = "t", key: bytes | None = b"k") -> list[Outgoing]:
    return [Outgoing(topic, key, b"%d" % value) for value in values]


def _values(values: range) -> list[bytes]:
    return [b"%d" % value for value in values]


async def test_what_is_published_is_received_as_it_was(log: Log, publisher: Publisher) -> None:
    """Key, value and headers arrive unchanged, null keys, null values and bytes that are no text included."""
    await log.create("t")
    sent = [
        Outgoing("t", b"key", b'{"a": 1}', {"ce_id": b"1", "content-type": b"application/json"}),
        Outgoing("t", None, b"\x00\xff", {}),
        Outgoing("t", b"tombstone", None, {"empty": b""}),
        Outgoing("t", b"large", b"x" * 300_000),
    ]
    await publisher.publish(sent)
    seen = Seen.open()
    async with consuming(log.member("a"), {"t": seen}):
        await seen.until_started(len(sent))
    assert sorted((r.key or b"", r.value, sorted(r.headers.items())) for r in seen.started) == sorted(
        (r.key or b"", r.value, sorted(r.headers.items())) for r in sent
    )
    assert {r.topic for r in seen.started} == {"t"}
    assert all(r.received_at.tzinfo for r in seen.started)


async def test_a_keys_records_come_in_order(log: Log, publisher: Publisher) -> None:
    """Records of one key are handled in the order in which they were published."""
    await log.create("t")
    for start in range(0, 3000, 600):
        await publisher.publish([Outgoing("t", b"%d" % (n % 7), b"%d" % n) for n in range(start, start + 600)])
    seen = Seen.open()
    async with consuming(log.member("a"), {"t": seen}):
        await seen.until(*_values(range(3000)))
    for key in range(7):
        mine = [int(record.value or b"") for record in seen.records if record.key == b"%d" % key]
        assert mine == sorted(mine)


async def test_unfinished_comes_again_and_finished_does_not(log: Log, publisher: Publisher) -> None:
    """Records whose handler was cancelled come again to the next consumer; those that were finished do not."""
    await log.create("t")
    seen = Seen.open()
    async with consuming(log.member("a"), {"t": seen}):
        await publisher.publish(_records(range(5)))
        await seen.until(*_values(range(5)))
        seen.opened.clear()
        await publisher.publish(_records(range(5, 8)))
        await seen.until_started(6)
    again = Seen.open()
    async with consuming(log.member("a"), {"t": again}):
        await again.until(*_values(range(5, 8)))
    assert again.values == _values(range(5, 8))


async def test_members_share_the_work(log: Log, publisher: Publisher) -> None:
    """With two members in the group every record is handled, and each member has a share."""
    await log.create("t")
    one, two = Seen.open(), Seen.open()
    async with consuming(log.member("one"), {"t": one}), consuming(log.member("two"), {"t": two}):
        sent = 0
        while not (one.records and two.records):
            await publisher.publish([Outgoing("t", b"%d" % n, b"%d" % n) for n in range(sent, sent + 20)])
            sent += 20
            await asyncio.sleep(0.05)  # joining a group has no event to wait for
    late = Seen.open()
    async with consuming(log.member("late"), {"t": late}):
        await publisher.publish([Outgoing("t", b"%d" % n, b"%d" % n) for n in range(sent, sent + 20)])
        await late.until(*_values(range(sent, sent + 20)))
    assert {*one.values, *two.values, *late.values} == set(_values(range(sent + 20)))


async def test_a_dead_members_records_go_to_another(log: Log, publisher: Publisher) -> None:
    """What a member held when it was killed with SIGKILL is handled by another within seconds."""
    await log.create("t")
    await publisher.publish([Outgoing("t", b"%d" % n, b"%d" % n) for n in range(50)])
    address = log.address if isinstance(log, KafkaLog) else log.url  # type: ignore[attr-defined]  # one of the two
    arguments = [type(log).__name__, address, log.prefix]  # type: ignore[attr-defined]  # both have one
    with subprocess.Popen([sys.executable, "-c", MEMBER, *arguments], stdout=subprocess.PIPE) as dies:  # noqa: ASYNC220 - brief
        assert dies.stdout is not None
        await asyncio.to_thread(dies.stdout.readline)
        dies.send_signal(signal.SIGKILL)
    seen = Seen.open()
    async with asyncio.timeout(30), consuming(log.member("lives"), {"t": seen}):
        await seen.until(*_values(range(50)))


async def test_a_slow_topic_stalls_no_other(log: Log, publisher: Publisher) -> None:
    """While one topic's handler hangs with a long backlog, another topic's records are handled at once."""
    await log.create("slow", "quick")
    for start in range(0, 20_000, 1000):
        await publisher.publish([Outgoing("slow", b"%d" % n, b"%d" % n) for n in range(start, start + 1000)])
    slow, quick = Seen(), Seen.open()
    async with consuming(log.member("a"), {"slow": slow, "quick": quick}):
        await slow.until_started(1)
        for number in range(10):
            await publisher.publish(_records(range(number, number + 1), "quick"))
            async with asyncio.timeout(5):
                await quick.until(b"%d" % number)
            await asyncio.sleep(0.2)
        assert not slow.records
        slow.opened.set()
        async with asyncio.timeout(30):
            await slow.until(*_values(range(20_000)))
    assert len(slow.values) == 20_000


@pytest.fixture
async def tail(log: Log) -> AsyncIterator[Tail]:
    """Give a reader of *log* outside any group."""
    tail = log.tail()
    yield tail
    await tail.aclose()


async def test_the_tail_reads_from_the_beginning_and_follows(log: Log, publisher: Publisher, tail: Tail) -> None:
    """Without a group all records are read from the first; following goes on with new ones."""
    await log.create("t", "u")
    await publisher.publish([*_records(range(3)), *_records(range(3, 5), "u")])
    assert sorted([r.value or b"" async for r in tail.read(["t", "u"], follow=False)]) == _values(range(5))
    followed: list[Received] = []
    async with asyncio.timeout(20):
        async for record in tail.read(["t", "u"], follow=True):
            followed.append(record)
            if len(followed) == 5:
                await publisher.publish(_records(range(5, 6)))
            if len(followed) == 6:
                break
    assert sorted(r.value or b"" for r in followed) == _values(range(6))
    assert followed[-1].value == b"5"


async def test_last_gives_the_newest(log: Log, publisher: Publisher, tail: Tail) -> None:
    """`last` gives up to that many newest records of a partition, oldest first, and none of an empty topic."""
    await log.create("t", "empty")
    await publisher.publish(_records(range(10)))
    assert [r.value for r in await tail.last("t", 3)] == _values(range(7, 10))
    assert len(await tail.last("t", 50)) == 10
    assert not await tail.last("empty", 3)


@pytest.mark.parametrize("kind", BOTH)
async def test_a_killed_server_loses_nothing(request: pytest.FixtureRequest, kind: str, prefix: str) -> None:
    """With the server killed and started again in the middle, every acknowledged record is handled."""
    server: KafkaServer | ValkeyServer = request.getfixturevalue("own_kafka" if kind == "kafka" else "own_valkey")
    log: Log = KafkaLog(server.address, prefix) if isinstance(server, KafkaServer) else EmbeddedLog(server.url, prefix)
    await log.create("t")
    publisher, seen = log.publisher(), Seen.open()
    acknowledged: list[bytes] = []

    async def publish() -> None:
        for number in range(200):
            await _insist(publisher, _records(range(number, number + 1)))
            acknowledged.append(b"%d" % number)
            await asyncio.sleep(0.01)

    async with consuming(log.member("a"), {"t": seen}), asyncio.timeout(90):
        publishing = asyncio.create_task(publish())
        await seen.until(*_values(range(20)))
        await asyncio.to_thread(server.kill)
        await asyncio.sleep(1)
        await asyncio.to_thread(server.start)
        await publishing
        await seen.until(*acknowledged)
    await publisher.aclose()


async def _insist(publisher: Publisher, records: list[Outgoing]) -> None:
    async for attempt in stamina.retry_context(on=DependencyDown, attempts=None, timeout=None, wait_max=0.5):
        with attempt:
            await publisher.publish(records)


@pytest.mark.parametrize("kind", BOTH)
async def test_no_server_at_the_start_is_told(kind: str, prefix: str, unused_tcp_port: int) -> None:
    """A consumer or publisher that finds no server at its start says so within seconds."""
    address = f"127.0.0.1:{unused_tcp_port}"
    log: Log = KafkaLog(address, prefix) if kind == "kafka" else EmbeddedLog(f"redis://{address}", prefix)
    publisher = log.publisher()
    async with asyncio.timeout(15):
        with pytest.raises(DependencyDown):
            await log.member("a").consume({"t": Seen.open()})
        with pytest.raises(DependencyDown):
            await publisher.publish(_records(range(1)))
    await publisher.aclose()
