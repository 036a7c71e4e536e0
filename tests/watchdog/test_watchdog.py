"""The watchdog on real servers: it tells what is wrong once, finishes what is safe to finish, and outlives outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # ships no types
from redis.asyncio import Redis

from router.bootstrap import CLOCK, Outlook, outlook
from router.domain.audit import Tolerance
from router.domain.ledger.verbs import Attend
from router.entrypoints.watchdog import rounds
from router.entrypoints.watchdog.readings import Readings
from router.entrypoints.watchdog.run import watch
from router.events.base import rfc3339, to_millis
from router.events.envelope import encode
from router.ports import Outgoing
from router.settings import load_settings
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, on_servers, site_in
from tests.kafka.server import KafkaServer
from tests.valkey import ValkeyServer

BOTH = ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)]
WITHIN = 60.0
EVERY = 0.2
QUICK = Tolerance(settle=timedelta(seconds=1))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> Site:
    """A deployment on the embedded log, whose tests need not wait for what workers would finish."""
    scenario = Scenario.make(1, first_touch=timedelta(seconds=60), accept_within=timedelta(seconds=30))
    monkeypatch.setattr(rounds, "FINISHES_AFTER", timedelta(seconds=0.5))
    return site_in(tmp_path, monkeypatch, prefix, scenario.write_policy(tmp_path / "config"))


@pytest.fixture(params=BOTH)
def either(request: pytest.FixtureRequest, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The deployment on each of the two logs."""
    if request.param == "kafka":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    return site


@pytest.fixture
def workers() -> Iterator[ExitStack]:
    """Stop the workers that a test starts, whatever becomes of it."""
    with ExitStack() as stack:
        yield stack


@asynccontextmanager
async def watching() -> AsyncIterator[tuple[Outlook, Readings]]:
    """Run a watchdog beside the test, on the settings of the environment."""
    started: asyncio.Queue[Readings] = asyncio.Queue()
    async with outlook(load_settings()) as place:
        dog = asyncio.create_task(watch(place, load_settings(), started.put_nowait, every=EVERY, tolerance=QUICK))
        try:
            first = asyncio.create_task(started.get())
            await asyncio.wait([dog, first], return_when=asyncio.FIRST_COMPLETED, timeout=WITHIN)
            if dog.done():
                dog.result()
            yield place, first.result()
        finally:
            dog.cancel()
            await asyncio.gather(dog, return_exceptions=True)


async def until(enough: Callable[[], bool], what: str) -> None:
    """Wait for what a test expects; fails with *what* did not come."""
    try:
        async with asyncio.timeout(WITHIN):
            while not enough():  # noqa: ASYNC110 - what is waited for is in other processes
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(what) from None


async def data_of(place: Outlook, topic: str) -> list[dict[str, Any]]:
    """Return the data of all records of a topic, each id once."""
    found = {}
    async for record in place.log.tail.read([topic], follow=False):
        found[record.headers.get("ce_id", b"%d" % record.offset)] = orjson.loads(record.value or b"{}")
    return list(found.values())


async def first_of(place: Outlook, topic: str) -> dict[str, Any]:
    """Return the data of a topic's first record, as soon as there is one."""
    async with asyncio.timeout(WITHIN):
        while not (found := await data_of(place, topic)):  # noqa: ASYNC110 - what is waited for is in other processes
            await asyncio.sleep(0.05)
    return found[0]


def form(submission_id: str) -> Outgoing:
    """Return a submission."""
    now = rfc3339(CLOCK.now())
    data = {"submission_id": submission_id, "submitted_at": now, "form": "newsletter", "email": "kim@example.com"}
    return Outgoing("form-submissions", submission_id.encode(), orjson.dumps(data))


def another_decision(decided: dict[str, Any]) -> Outgoing:
    """Return a second decision of a submission, as only a broken router would write it."""
    data = {**decided, "decision_id": "dec_other", "reasons": ["broken on purpose"]}
    now = to_millis(CLOCK.now())
    workspace = load_settings().workspace
    body = orjson.dumps(data)
    return encode("lead-decisions", "x", "lead.decided.v1", "dec_other", now, "x", body, workspace=workspace)


def test_a_broken_promise_is_told_once(either: Site, workers: ExitStack) -> None:
    """While all is well it beats; a second decision is counted, and a manager is told once, however long it looks."""
    workers.callback(either.start_worker().stop)

    async def scene() -> None:
        async with watching() as (place, readings):
            await place.log.publisher.publish([form("one"), form("two")])
            await until(lambda: readings.clean_at is not None and readings.rounds > 3, "no clean pass")
            decisions: list[dict[str, Any]] = []
            while len(decisions) < 2:
                decisions = await data_of(place, "lead-decisions")
            await place.log.publisher.publish([another_decision(decisions[0])])
            await until(lambda: readings.violations[7] == 1, f"not found: {readings}")
            after = readings.rounds
            await until(lambda: readings.rounds > after + 5, "no more rounds")
            told = [each for each in await data_of(place, "rep-notifications") if each["title"].startswith("Promise")]
            assert [(each["recipient"]["type"], each["kind"]) for each in told] == [("manager", "sla_breach")]
            assert readings.violations == {7: 1}
            names = {name for name, _, _ in readings.rows()}
            assert "router_watchdog_last_clean_pass_timestamp_seconds" in names
            assert "router_consumer_lag" in names

    asyncio.run(scene())


def test_what_a_dead_process_left_in_the_outbox_is_published(either: Site, workers: ExitStack) -> None:
    """An entry whose publisher is gone, with no worker alive, is published under its own id and taken out."""
    worker = either.start_worker()
    workers.callback(worker.stop)
    worker.stop()

    async def scene() -> None:
        async with watching() as (place, readings):
            rep = next(iter(await _reps(place)))
            await place.ledger.apply([Attend(rep, "available", to_millis(CLOCK.now()), 0, heartbeat=False)])
            client = place.standing._client
            prefix = f"{{{load_settings().workspace}}}:"
            fact = {"t": "presence", "rep": rep, "status": "away", "at": 1_772_460_000_000}
            entry: dict[Any, Any] = {"p": "dead", "f": orjson.dumps([fact]), "d": "", "h": ""}
            await client.xadd(prefix + "out", entry)
            await until(lambda: readings.finished["outbox"] > 0, f"not published: {readings}")
            async with asyncio.timeout(WITHIN):  # it is taken out once the log has it
                while await client.xlen(prefix + "out"):  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)
            away = [each for each in await data_of(place, "rep-presence") if each.get("source") == "router"]
            assert [(each["rep_id"], each["status"]) for each in away] == [(rep, "away")]

    asyncio.run(scene())


async def _reps(place: Outlook) -> list[str]:
    client = place.standing._client
    found = await client.smembers(f"{{{load_settings().workspace}}}:reps")
    return sorted(one.decode() for one in found if isinstance(one, bytes))


def test_a_submission_that_was_passed_over_is_sent_once_more(either: Site, workers: ExitStack) -> None:
    """A submission that the group has committed and nobody decided is sent as it came, decided once, and told of."""
    first = either.start_worker()
    workers.callback(first.stop)

    async def before() -> None:
        async with outlook(load_settings()) as place:
            await place.log.publisher.publish([form("known")])
            while not await data_of(place, "lead-decisions"):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)

    async def scene() -> None:
        async with outlook(load_settings()) as place:
            await place.log.publisher.publish([form("passed-over")])
            await _commit_all(place)
        second = await asyncio.to_thread(either.start_worker)
        workers.callback(second.stop)
        async with watching() as (place, readings):
            await until(lambda: readings.finished["submission"] == 1, f"not sent: {readings}")
            decisions: list[dict[str, Any]] = []
            while len(decisions) < 2:
                decisions = await data_of(place, "lead-decisions")
                await asyncio.sleep(0.1)
            after = readings.rounds
            await until(lambda: readings.rounds > after + 8, "no more rounds")
            assert readings.finished["submission"] == 1
            ids = [each["submission_id"] for each in await data_of(place, "lead-decisions")]
            assert sorted(ids) == ["known", "passed-over"]
            told = [each["text"] for each in await data_of(place, "rep-notifications") if "passed-over" in each["text"]]
            assert len(told) == 1
            assert "sent once more" in told[0]

    asyncio.run(before())
    first.stop()
    asyncio.run(scene())


async def _commit_all(place: Outlook) -> None:
    """Have the workers' group pass over what waits, as a bug or a hand would."""
    settings = load_settings()
    spans = await place.book.spans(["form-submissions"])
    if settings.kafka is None:
        client: Redis = place.log.tail._client  # type: ignore[attr-defined]
        key = f"{{log:{settings.topic_prefix}}}form-submissions"
        await client.xgroup_setid(key, place.group(""), id=f"0-{spans[0].end - 1}")
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, group_id=place.group(""), enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = {TopicPartition(settings.topic_prefix + one.topic, one.partition): one.end for one in spans}
        consumer.assign(list(partitions))
        await consumer.commit(partitions)
    finally:
        await consumer.stop()


@pytest.mark.kafka
def test_it_outlives_log_and_redis(
    site: Site, own_kafka: KafkaServer, own_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, workers: ExitStack
) -> None:
    """Killed and started again, broker and Redis find it where it was: it beats again and finds what is new."""
    on_servers(site, monkeypatch, own_kafka.address, own_valkey.url)
    workers.callback(site.start_worker().stop)

    async def scene() -> None:
        async with watching() as (place, readings):
            await place.log.publisher.publish([form("one")])
            await until(lambda: readings.clean_at is not None, "no clean pass")
            for server in (own_valkey, own_kafka):
                await asyncio.to_thread(server.kill)
                await until(lambda: not all(readings.healthy.values()), "the outage was not noticed")
                await asyncio.to_thread(server.start)
                back = CLOCK.now()
                await until(lambda: (readings.clean_at or back) > back, "no clean pass")  # noqa: B023 - awaited at once
            decided = await first_of(place, "lead-decisions")  # of a form that came as the worker joined its group
            await place.log.publisher.publish([another_decision(decided)])
            await until(lambda: readings.violations[7] == 1, f"not found: {readings}")

    asyncio.run(scene())
