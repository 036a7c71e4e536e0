"""
What stops a consumer of Kafka without a word is noticed, and reading goes on.

The errors are put into aiokafka's own objects, where an error of one partition
or of a connection shows too.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
import structlog
from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.consumer.fetcher import Fetcher  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.consumer.group_coordinator import GroupCoordinator  # type: ignore[import-untyped]  # as above
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka import faust_app, patience, watching
from router.adapters.kafka.committed import seek_to_committed
from router.errors import DependencyDown, Stands
from router.ports import Outgoing
from tests.integration.methods import failing, never
from tests.kafka.server import KafkaServer
from tests.logs import KafkaLog, Seen, consuming

pytestmark = pytest.mark.kafka

Call = Callable[..., Awaitable[Any]]

STUCK = """
import asyncio, sys, time
from router.adapters.kafka import faust_app
from tests.logs import KafkaLog
faust_app.THREAD_ENDS_WITHIN = 1.0
start = faust_app._Run._started_then_stopped
async def stuck(run):
    await start_and_hang(run)
async def start_and_hang(run):
    await run._app.start()
    run._app.thread.thread_loop.call_soon_threadsafe(time.sleep, 600)
    raise RuntimeError("a test's")
faust_app._Run._started_then_stopped = stuck
async def handle(records): ...
asyncio.run(KafkaLog(*sys.argv[1:]).member("a").consume({"t": handle}))
"""


class Once:
    """Replaces a method of aiokafka: its first call once *armed* meets *instead*, all others are as ever."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, instead: Call, *, armed: bool = False
    ) -> None:
        self.armed = armed
        original: Call = getattr(owner, name)

        async def method(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the method takes and gives
            if not self.armed:
                return await original(*arguments, **named)
            self.armed = False
            return await instead(*arguments, **named)

        monkeypatch.setattr(owner, name, method)

    async def happens(self) -> None:
        """Arm it, and wait until it was met."""
        self.armed = True
        while self.armed:  # noqa: ASYNC110 - it is met in another thread
            await asyncio.sleep(0.02)


@pytest.fixture
async def log(kafka: str, prefix: str) -> KafkaLog:
    """A log with one topic."""
    log = KafkaLog(kafka, prefix)
    await log.create("t")
    return log


async def nothing() -> None:
    """Let nothing happen."""


def member() -> Any:  # noqa: ANN401 - Faust's thread, with what aiokafka has there
    """Return the thread in which the one member of this process reads."""
    [thread] = [each for each in threading.enumerate() if isinstance(each, faust_app._Thread)]
    return thread


async def expect_all_read(log: KafkaLog, between: Call = nothing) -> None:
    """Publish, await *between*, publish more, and wait until a member has read all of it."""
    publisher, seen = log.publisher(), Seen.open()
    async with asyncio.timeout(25), consuming(log.member("a"), {"t": seen}):
        await publisher.publish([Outgoing("t", b"k", b"first")])
        await seen.until(b"first")
        await between()
        await publisher.publish([Outgoing("t", b"k", b"second")])
        await seen.until(b"second")
    await publisher.aclose()


async def test_an_error_during_a_join_is_noticed(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member to whom an error is told while it joins, when nobody asks for records, begins again."""
    Once(monkeypatch, GroupCoordinator, "_do_rejoin_group", failing(KafkaError("a test's")), armed=True)
    await expect_all_read(log)


async def test_a_leader_that_knows_no_topic_does_not_deal(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who deals out the partitions just after its question for the topics has failed leaves none of them unread."""
    deal: Call = GroupCoordinator._perform_assignment

    async def unaware(coordinator: GroupCoordinator, response: object) -> object:
        coordinator._cluster._partitions = {}
        return await deal(coordinator, response)

    Once(monkeypatch, GroupCoordinator, "_perform_assignment", unaware, armed=True)
    await expect_all_read(log)


async def test_a_join_that_hangs_is_given_up_and_begun_again(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks in vain where to go on says so before Faust stops waiting, which would stand then without a word."""
    monkeypatch.setattr(faust_app, "SEEKS_WITHIN", 1.0)
    monkeypatch.setattr(watching, "UNSETTLED_LOOKS", 100)  # not the watch, which would take twenty seconds
    hung = asyncio.Event()

    async def hang_once(consumer: AIOKafkaConsumer) -> object:
        if not hung.is_set():
            hung.set()
            await never()
        return await seek_to_committed(consumer)

    monkeypatch.setattr(faust_app, "seek_to_committed", hang_once)
    await expect_all_read(log)
    assert hung.is_set()


async def test_a_dead_fetching_task_is_noticed(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member whose fetching task died begins again."""
    dies = Once(monkeypatch, Fetcher, "_proc_fetch_request", failing(KeyError("a test's")))
    await expect_all_read(log, dies.happens)


async def test_a_dead_metadata_task_is_noticed(log: KafkaLog) -> None:
    """A member that would never hear of a new leader begins again."""

    async def end_it() -> None:
        service = member().service
        service.thread_loop.call_soon_threadsafe(service._consumer._client._sync_task.cancel)
        await until_restarted(lines)

    with structlog.testing.capture_logs() as lines:
        await expect_all_read(log, end_it)


async def until_restarted(lines: Sequence[Mapping[str, Any]]) -> None:
    """Wait until *lines* of the log tell of another run."""
    while "consumer_restarts" not in [line["event"] for line in lines]:  # noqa: ASYNC110 - a list has no event
        await asyncio.sleep(0.02)


async def test_a_member_that_is_silent_begins_again(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that fetches nothing of what stands in the log, for no reason at all, begins again and says why."""
    monkeypatch.setattr(watching, "LOOKS_EVERY", 0.5)
    hangs = Once(monkeypatch, Fetcher, "_proc_fetch_request", never)
    with structlog.testing.capture_logs() as lines:
        await expect_all_read(log, hangs.happens)
    assert [line["event"] for line in lines].count("consumer_restarts") == 1
    assert f"{log.prefix}t/" in next(line["problem"] for line in lines if line["event"] == "consumer_restarts")


async def test_a_member_that_stays_silent_gives_up(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where to begin again does not help for long, the source ends, so that a new process takes its place."""
    monkeypatch.setattr(watching, "LOOKS_EVERY", 0.3)
    monkeypatch.setattr(patience, "LASTS", 1.0)
    monkeypatch.setattr(Fetcher, "_proc_fetch_request", never)
    publisher = log.publisher()
    await publisher.publish([Outgoing("t", b"k", b"first")])
    with structlog.testing.capture_logs(), pytest.raises(Stands, match="stands at"):
        await asyncio.wait_for(log.member("a").consume({"t": Seen.open()}), 60)
    await publisher.aclose()


async def test_a_member_that_waits_is_not_silent(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a handler waits for a dependency and records pile up behind it, the member is left alone."""
    monkeypatch.setattr(watching, "LOOKS_EVERY", 0.5)  # four looks are longer than the second in which fetching resumes
    monkeypatch.setattr(watching, "CHECKS_EVERY", 0.1)
    monkeypatch.setattr(watching, "UNSETTLED_LOOKS", 100)  # with looks so short: a new broker takes a second for a join
    monkeypatch.setattr("router.adapters.kafka.inbox.FULL_AT", 2)
    monkeypatch.setattr("router.adapters.kafka.inbox.ROOM_AT", 1)
    publisher, seen = log.publisher(), Seen()
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(60), consuming(log.member("a"), {"t": seen}):
            for number in range(60):
                await publisher.publish([Outgoing("t", b"%d" % number, b"%d" % number)])
                await asyncio.sleep(0.1)
                if number == 0:
                    await seen.until_started(1)
            seen.opened.set()
            await seen.until(*[b"%d" % number for number in range(60)])
    await publisher.aclose()
    assert not [line for line in lines if line["event"] == "consumer_restarts"]


async def test_members_without_partitions_are_not_silent(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member for whom there is no partition is left alone, and so are the others."""
    monkeypatch.setattr(watching, "LOOKS_EVERY", 0.1)
    monkeypatch.setattr(watching, "CHECKS_EVERY", 0.1)
    monkeypatch.setattr(watching, "UNSETTLED_LOOKS", 100)  # with looks so short: a new broker takes a second for a join
    publisher, seen = log.publisher(), Seen.open()
    with structlog.testing.capture_logs() as lines:
        async with AsyncExitStack() as members:
            for name in ("a", "b", "c"):  # of two partitions
                _ = await members.enter_async_context(consuming(log.member(name), {"t": seen}))
            await asyncio.sleep(12)  # for all joins to be over, and then as many looks as would end a run
            await publisher.publish([Outgoing("t", b"k", b"last")])
            await seen.until(b"last")
    await publisher.aclose()
    assert not [line for line in lines if line["event"] == "consumer_restarts"]


async def test_a_broker_that_is_away_is_not_silence(
    own_kafka: KafkaServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no broker answers nothing is fetched, and that is no reason to begin again."""
    monkeypatch.setattr(watching, "LOOKS_EVERY", 0.2)
    monkeypatch.setattr(watching, "CHECKS_EVERY", 0.1)
    monkeypatch.setattr(watching, "UNSETTLED_LOOKS", 100)  # with looks so short: a new broker takes a second for a join
    log = KafkaLog(own_kafka.address, prefix)
    await log.create("t")

    def silences(lines: list[Any]) -> list[str]:
        return [line["problem"] for line in lines if "ConsumerStands" in line.get("problem", "")]

    publisher, seen = log.publisher(), Seen.open()
    with structlog.testing.capture_logs() as lines:
        async with asyncio.timeout(40), consuming(log.member("a"), {"t": seen}):
            await publisher.publish([Outgoing("t", b"k", b"first")])
            await seen.until(b"first")
            await asyncio.to_thread(own_kafka.kill)
            await asyncio.sleep(3)  # fifteen looks
            assert not silences(lines)
            await asyncio.to_thread(own_kafka.start)
            monkeypatch.setattr(watching, "LOOKS_EVERY", 5.0)
            await publisher.publish([Outgoing("t", b"k", b"second")])
            await seen.until(b"second")
    await publisher.aclose()
    assert not silences(lines)


async def test_a_run_that_is_over_leaves_no_thread(log: KafkaLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stop of a run is cut short by a commit that hangs, its thread ends all the same."""
    hangs = Once(monkeypatch, GroupCoordinator, "_do_commit_offsets", never, armed=True)
    first: list[threading.Thread] = []

    async def fail() -> None:
        first.append(member())
        while hangs.armed:  # noqa: ASYNC110 - it is met in another thread
            await asyncio.sleep(0.02)
        member().service._consumer._coordinator._pending_exception = KafkaError("a test's")
        await until_restarted(lines)

    with structlog.testing.capture_logs() as lines:
        await expect_all_read(log, fail)
    assert not first[0].is_alive()
    assert not [each for each in threading.enumerate() if isinstance(each, faust_app._Thread)]


def test_a_thread_that_does_not_end_ends_the_process(kafka: str, prefix: str) -> None:
    """A process whose consumer failed and whose thread is stuck ends with a message, and not only its event loop."""
    asyncio.run(KafkaLog(kafka, prefix).create("t"))
    done = subprocess.run(
        [sys.executable, "-c", STUCK, kafka, prefix], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "DependencyDown: The consumer of Kafka" in done.stderr
    assert "consumer_thread_lives_on" in done.stdout


@pytest.mark.parametrize("follow", [True, False])
async def test_the_tail_outlives_a_dead_fetching_task(
    log: KafkaLog, monkeypatch: pytest.MonkeyPatch, follow: bool
) -> None:
    """A tail that follows goes on where it was, with nothing twice; one that does not says that it cannot go on."""
    once = Once(monkeypatch, Fetcher, "_proc_fetch_request", failing(KeyError("a test's")), armed=not follow)
    publisher, read = log.publisher(), []
    for number in range(20):
        await publisher.publish([Outgoing("t", b"%d" % number, b"%d" % number)])
    async with asyncio.timeout(20):
        with suppress(DependencyDown):
            async for record in log.tail().read(["t"], follow=follow):
                read.append(int(record.value or b""))
                if len(read) == 20:
                    once.armed = True
                    await publisher.publish([Outgoing("t", b"%d" % n, b"%d" % n) for n in range(20, 30)])
                if len(read) == 30:
                    await publisher.publish([Outgoing("t", b"k", b"30")])
                if len(read) == 31:
                    break
    await publisher.aclose()
    assert sorted(read) == (list(range(31)) if follow else [])
