"""Workers notice the death of one of them long before the broker does, and one that is wrongly removed comes back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.adapters.kafka import faust_app
from router.adapters.redis.connection import connect
from router.adapters.redis.signs import RedisSigns
from router.pipeline.members import keep_watch
from router.ports import Outgoing
from tests.logs import KafkaLog, Seen, consuming

pytestmark = pytest.mark.kafka

SESSION = 60.0  # seconds: what the broker would wait for
TELLS_WITHIN = 20.0
KEYS = [b"%d" % number for number in range(20)]  # of both partitions

OTHER = """
import asyncio, sys
from router.adapters.kafka import faust_app
from router.adapters.redis.connection import connect
from router.adapters.redis.signs import RedisSigns
from router.pipeline.members import keep_watch
from tests.logs import KafkaLog
kafka, prefix, redis, session = sys.argv[1:]
faust_app.SESSION = faust_app.REQUEST = float(session)
async def handle(records):
    print("read", flush=True)
async def main():
    source = KafkaLog(kafka, prefix).member("b")
    async with connect(redis) as client, asyncio.TaskGroup() as both:
        both.create_task(source.consume({"t": handle}))
        both.create_task(keep_watch(source, RedisSigns(client, prefix)))
asyncio.run(main())
"""


@pytest.fixture
async def log(kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> KafkaLog:
    """A log with one topic, whose broker waits a minute for a silent member."""
    monkeypatch.setattr(faust_app, "SESSION", SESSION)
    monkeypatch.setattr(faust_app, "REQUEST", SESSION)  # Faust wants no less
    log = KafkaLog(kafka, prefix)
    await log.create("t")
    return log


@contextmanager
def another(log: KafkaLog, redis: str, lines: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run another member in a process of its own, that writes a line for each batch it reads."""
    command = [sys.executable, "-c", OTHER, log.address, log.prefix, redis, str(SESSION)]
    with lines.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_what_a_dead_member_read_goes_to_another_at_once(log: KafkaLog, valkey: str, tmp_path: Path) -> None:
    """A process is killed, and what stands in its partitions is read by the other within seconds, not a session."""
    publisher, seen, source, lines = log.publisher(), Seen.open(), log.member("a"), tmp_path / "other.log"

    async def publish(name: str) -> list[bytes]:
        values = [name.encode() + key for key in KEYS]
        await publisher.publish([Outgoing("t", key, value) for key, value in zip(KEYS, values, strict=True)])
        return values

    async with connect(valkey) as client, consuming(source, {"t": seen}):
        watching = asyncio.create_task(keep_watch(source, RedisSigns(client, log.prefix)))
        with another(log, valkey, lines) as process:
            async with asyncio.timeout(TELLS_WITHIN):
                while b"read" not in lines.read_bytes():  # both have partitions
                    await publish("early")
                    await asyncio.sleep(0.1)
            before = len(seen.records)
            async with asyncio.timeout(TELLS_WITHIN):
                while len(seen.records) == before:
                    await publish("also")
                    await asyncio.sleep(0.1)
            process.kill()
            late = await publish("late")
            async with asyncio.timeout(TELLS_WITHIN):
                await seen.until(*late)
            assert set(late) <= set(seen.values)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    await publisher.aclose()


async def test_a_member_that_was_wrongly_removed_comes_back(log: KafkaLog) -> None:
    """One that lives, and is said to have left, joins anew under another name and misses nothing."""
    publisher, seen, source = log.publisher(), Seen.open(), log.member("a")
    async with asyncio.timeout(25), consuming(source, {"t": seen}):
        await publisher.publish([Outgoing("t", b"k", b"first")])
        await seen.until(b"first")
        was = source.member
        assert was is not None
        await source.remove(was)
        await source.remove(was)  # another one noticed, too
        while source.member in (None, was):  # noqa: ASYNC110 - it changes in another thread
            await asyncio.sleep(0.05)
        await publisher.publish([Outgoing("t", b"k", b"second")])
        await seen.until(b"second")
    await publisher.aclose()
