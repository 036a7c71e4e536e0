"""What the ports promise of a log, on each of the two."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions  # type: ignore[import-untyped]  # ships no types

from router.adapters.embedded.retention import StreamRetention
from router.adapters.embedded.streams import StreamPublisher
from router.errors import DependencyDown
from router.ports import Outgoing, Publisher, Received, Tail
from tests.kafka.server import KafkaServer
from tests.logs import EmbeddedLog, KafkaLog, Log, Seen, consuming, now
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


async def test_a_member_tells_how_far_it_is_behind(log: Log, publisher: Publisher) -> None:
    """What waits for a handler, or is in its hands, counts until the handler is through with it."""
    await log.create("t")
    member, seen = log.member("a"), Seen.open()
    seen.opened.clear()
    async with consuming(member, {"t": seen}):
        await publisher.publish(_records(range(7)))
        await seen.until_started(1)
        async for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=20, wait_max=0.2):
            with attempt:
                assert await member.lag() == {"t": 7}
        seen.opened.set()
        async for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=20, wait_max=0.2):
            with attempt:
                assert await member.lag() == {"t": 0}


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


async def test_the_tail_begins_at_an_instant(log: Log, publisher: Publisher, tail: Tail) -> None:
    """`since` gives what was written from then on, in every partition and topic, and nothing older."""
    await log.create("t", "u", "empty")
    await publisher.publish([Outgoing(topic, b"%d" % n, b"old") for n in range(40) for topic in ("t", "u")])
    between = await _next_instant()
    await publisher.publish([Outgoing("t", b"%d" % n, b"%d" % n) for n in range(40)])
    topics = ["t", "u", "empty", "missing"]

    assert sorted(await _read(tail, topics, since=between)) == sorted(_values(range(40)))
    assert len(await _read(tail, topics, since=between - timedelta(hours=1))) == 120
    assert len(await _read(tail, topics, since=datetime(1969, 1, 1, tzinfo=UTC))) == 120
    assert await _read(tail, topics, since=between + timedelta(hours=1)) == []


async def test_the_tail_follows_from_an_instant(log: Log, publisher: Publisher, tail: Tail) -> None:
    """Following from an instant goes on with what is new."""
    await log.create("t")
    await publisher.publish(_records(range(3)))
    between = await _next_instant()
    await publisher.publish(_records(range(3, 4)))
    followed: list[bytes | None] = []
    async with asyncio.timeout(20):
        async for record in tail.read(["t"], follow=True, since=between):
            followed.append(record.value)
            if len(followed) == 1:
                await publisher.publish(_records(range(4, 5)))
            if len(followed) == 2:
                break
    assert followed == [b"3", b"4"]


async def test_the_tail_finds_one_keys_records(log: Log, publisher: Publisher, tail: Tail) -> None:
    """With a key only its records come, those in every topic and none without a key."""
    await log.create("t", "u")
    await publisher.publish([Outgoing(topic, b"%d" % (n % 5), b"%d" % n) for n in range(20) for topic in ("t", "u")])
    await publisher.publish([Outgoing("t", None, b"none")])
    between = await _next_instant()
    await publisher.publish([Outgoing("t", b"3", b"new"), Outgoing("t", b"4", b"other")])

    assert sorted(await _read(tail, ["t", "u"], key=b"3")) == sorted([b"3", b"8", b"13", b"18"] * 2 + [b"new"])
    assert await _read(tail, ["t", "u"], key=b"3", since=between) == [b"new"]
    assert await _read(tail, ["t", "u"], key=b"nobody") == []


@pytest.mark.kafka
async def test_a_key_is_found_from_before_partitions_were_added(kafka: str, prefix: str) -> None:
    """A key whose records stand in two partitions, as the topic has grown in between, is found in both."""
    log = KafkaLog(kafka, prefix, partitions=1)
    await log.create("t")
    publisher = log.publisher()
    await publisher.publish([Outgoing("t", b"%d" % n, b"before") for n in range(20)])
    await publisher.aclose()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_partitions({f"{prefix}t": NewPartitions(total_count=12)})
    await admin.close()
    tail = log.tail()
    async for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=60):
        with attempt:
            publisher = log.publisher()  # a new one: what it once knew of a topic it believes for five minutes
            await publisher.publish([Outgoing("t", b"%d" % n, b"after") for n in range(20)])
            await publisher.aclose()
            spread = {record.partition async for record in tail.read(["t"], follow=False)}
            assert len(spread) > 6

    for n in range(20):
        found = await _read(tail, ["t"], key=b"%d" % n)
        assert found.count(b"before") == 1
        assert b"after" in found


async def test_the_tail_begins_anywhere_in_a_long_stream(valkey: str, prefix: str) -> None:
    """Wherever the instant lies in a stream, trimmed at its head or not, nothing younger is left out."""
    moment = [datetime(2026, 3, 2, 9, tzinfo=UTC)]
    publisher = StreamPublisher(valkey, prefix, lambda: moment[0])
    for n in range(130):
        moment[0] += timedelta(minutes=2)
        await publisher.publish(_records(range(n, n + 1)))
    await publisher.aclose()
    retention = StreamRetention(valkey, prefix, {"t": timedelta(minutes=199)}, lambda: moment[0])
    assert await retention.trim("t") == 30
    await retention.aclose()
    tail = EmbeddedLog(valkey, prefix).tail()
    for back in range(0, 260, 7):
        young = range(max(30, 130 - 1 - back // 2), 130)
        assert await _read(tail, ["t"], since=moment[0] - timedelta(minutes=back)) == _values(young)
    await tail.aclose()


async def _next_instant() -> datetime:
    """Return an instant that is after all that was written, and before all that will be."""
    await asyncio.sleep(0.005)  # logs count milliseconds
    instant = now()
    await asyncio.sleep(0.005)
    return instant


async def _read(tail: Tail, topics: list[str], since: datetime | None = None, key: bytes | None = None) -> list[bytes]:
    return [record.value or b"" async for record in tail.read(topics, follow=False, since=since, key=key)]


async def test_the_tail_gives_all_in_batches(log: Log, publisher: Publisher, tail: Tail) -> None:
    """Every record up to the end comes once, of each partition in its order, and tells when it was written."""
    await log.create("t", "u", "empty")
    await publisher.publish([Outgoing(topic, b"%d" % (n % 7), b"%d" % n) for n in range(300) for topic in ("t", "u")])
    between = await _next_instant()
    await publisher.publish(_records(range(300, 310)))
    batches = [batch async for batch in tail.batches(["t", "u", "empty", "missing"])]
    records = [record for batch in batches for record in batch]

    assert sorted((r.topic, int(r.value or b"")) for r in records) == sorted(
        [*((topic, n) for n in range(300) for topic in ("t", "u")), *(("t", n) for n in range(300, 310))]
    )
    places: dict[tuple[str, int], int] = {}
    for record in records:
        assert places.get((record.topic, record.partition), -1) < record.offset
        places[record.topic, record.partition] = record.offset
    written = {record.value: record.written_at for record in records if record.topic == "t"}
    first, later = written[b"0"], written[b"305"]
    assert first is not None
    assert later is not None
    assert first < between.replace(microsecond=between.microsecond // 1000 * 1000) <= later
    since = [record.value async for batch in tail.batches(["t", "u"], since=between) for record in batch]
    assert {b"%d" % n for n in range(300, 310)} <= set(since)
    assert [batch async for batch in tail.batches(["missing"])] == []


async def test_progress_is_what_was_committed(log: Log, publisher: Publisher) -> None:
    """A group that never was has come nowhere; one that has handled everything has come to the end."""
    await log.create("t")
    await publisher.publish(_records(range(20)))
    assert sum((await log.progress("t")).values()) == 0
    seen = Seen.open()
    async with consuming(log.member("a"), {"t": seen}):
        await seen.until_started(20)
        async for attempt in stamina.retry_context(on=AssertionError, timeout=20, attempts=None):
            with attempt:
                handled = {r.partition: r.offset + 1 for r in seen.started}
                known = await log.progress("t")
                assert {part: known.get(part) for part in handled} == handled


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
