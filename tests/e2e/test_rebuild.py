"""A Redis that forgets everything costs no lead, no owner and no clock: the ledger is made again from the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from router.adapters.embedded.valkey import embedded_valkey
from router.settings import load_settings
from tests.e2e.command import BAD_INPUT, expect_failure, router
from tests.e2e.play import Stage, moment
from tests.e2e.processes import WorkerProcess
from tests.e2e.promises import expect_promises
from tests.e2e.scenario import Scenario, bare
from tests.e2e.site import Site, on_servers
from tests.e2e.topics import at_least, send, wait_for
from tests.valkey import ValkeyServer

SUBMISSIONS = 600
OVER = timedelta(seconds=6)
GRACE = timedelta(seconds=20)
REBUILT_WITHIN = 40.0  # seconds; a few are usual


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The load of the promises' tests, smaller."""
    return Scenario.make(SUBMISSIONS, first_touch=timedelta(seconds=7), accept_within=timedelta(seconds=2))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*."""
    async with asyncio.timeout(REBUILT_WITHIN):
        while not condition():  # noqa: ASYNC110 - processes send no news of it
            await asyncio.sleep(0.05)


def forget(server: ValkeyServer) -> None:
    """Let Redis lose everything."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


def rebuilt(workers: list[WorkerProcess]) -> int:
    """Count how often a ledger was rebuilt by any of *workers*."""
    return sum(worker.lines().count("ledger.rebuilt") for worker in workers)


@pytest.mark.kafka
def test_redis_forgets_under_two_running_workers(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    own_valkey: ValkeyServer,
    workers: ExitStack,
) -> None:
    """Twice everything is flushed while submissions arrive: all promises hold, and nobody has to do anything."""
    settings = on_servers(site, monkeypatch, kafka, own_valkey.url)
    running = [site.start_worker() for _ in range(2)]
    for worker in running:
        workers.callback(worker.stop)

    async def flush_twice() -> None:
        for times in (1, 2):
            await asyncio.sleep(OVER.total_seconds() / 3)
            await asyncio.to_thread(forget, own_valkey)
            await until(lambda: rebuilt(running) >= times)  # noqa: B023 - awaited at once

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=flush_twice))

    expect_promises(played, site, SUBMISSIONS, grace=GRACE)
    assert rebuilt(running) == 2
    assert "facts_lost" not in "".join(worker.lines() for worker in running)


@pytest.mark.kafka
def test_who_rebuilds_is_killed(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    own_valkey: ValkeyServer,
    workers: ExitStack,
) -> None:
    """The worker that rebuilds dies in the middle of it: what it had begun is no ledger, and the other begins anew."""
    settings = on_servers(site, monkeypatch, kafka, own_valkey.url)
    running = [site.start_worker() for _ in range(2)]
    for worker in running:
        workers.callback(worker.stop)
    rebuilders: list[WorkerProcess] = []

    def begun() -> bool:
        rebuilders[:] = [worker for worker in running if "rebuild.workers_drained" in worker.lines()]
        return bool(rebuilders)

    async def flush_and_kill() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        await asyncio.to_thread(forget, own_valkey)
        await until(begun)
        rebuilders[0].kill()
        await until(lambda: rebuilt(running) == 1)

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=flush_and_kill))

    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=30))
    assert rebuilt([one for one in running if one is not rebuilders[0]]) == 1


def test_by_hand_while_submissions_arrive(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    own_valkey: ValkeyServer,
    workers: ExitStack,
) -> None:
    """On the embedded log: Redis is lost while no worker runs, `router rebuild` makes the ledger again, all goes on."""
    site.environment["ROUTER_REDIS_URL"] = own_valkey.url
    monkeypatch.setenv("ROUTER_REDIS_URL", own_valkey.url)
    first = site.start_worker("up")
    told: list[dict[str, Any]] = []

    async def lose_and_rebuild() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        assert await asyncio.to_thread(first.stop) == 0
        await asyncio.to_thread(forget, own_valkey)
        ended = await asyncio.to_thread(router, "rebuild", "--json", environment=site.environment)
        assert ended.code == 0, ended.err
        told.append(json.loads(ended.out))
        again = await asyncio.to_thread(router, "rebuild", environment=site.environment)
        expect_failure(again, BAD_INPUT, "in step with the log", "--force")
        worker = await asyncio.to_thread(site.start_worker, "up")
        workers.callback(worker.stop)
        assert "ledger.forgot" not in worker.lines()

    played = asyncio.run(Stage(scenario, load_settings()).play(OVER, disturb=lose_and_rebuild))

    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=60))
    [summary] = told
    assert summary["leads_open"] > 0
    assert summary["missing"] == []
    assert summary["events"] > summary["submissions"] > 0


@pytest.mark.kafka
def test_redis_goes_back_under_running_workers(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    own_valkey: ValkeyServer,
    workers: ExitStack,
) -> None:
    """A ledger of some moments ago, as a replica or a backup has it, is noticed, cleared away and made again."""
    settings = on_servers(site, monkeypatch, kafka, own_valkey.url)
    running = [site.start_worker() for _ in range(2)]
    for worker in running:
        workers.callback(worker.stop)

    async def go_back() -> None:
        await asyncio.sleep(OVER.total_seconds() / 3)
        backup = await asyncio.to_thread(saved, own_valkey)
        await asyncio.sleep(OVER.total_seconds() / 3)
        await asyncio.to_thread(put_back, own_valkey, backup)
        await until(lambda: rebuilt(running) == 1)

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=go_back))

    expect_promises(played, site, SUBMISSIONS, grace=GRACE)


Backup = dict[bytes, bytes]


def saved(server: ValkeyServer) -> Backup:
    """Return everything that Redis holds, at one instant."""
    with redis.Redis.from_url(server.url) as client:
        dump: Any = client.eval(
            "local out = {} for _, key in ipairs(redis.call('KEYS', '*')) do out[#out + 1] = key "
            "out[#out + 1] = redis.call('DUMP', key) end return out",
            0,
        )
        return dict(zip(dump[::2], dump[1::2], strict=True))


def put_back(server: ValkeyServer, backup: Backup) -> None:
    """Let Redis hold *backup* and nothing else, from one instant on."""
    with redis.Redis.from_url(server.url) as client:
        words = [word for pair in backup.items() for word in pair]
        client.eval(
            "redis.call('FLUSHALL') for i = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1]) end",
            0,
            *words,
        )


def test_the_log_is_lost_together_with_the_ledger(site: Site, workers: ExitStack) -> None:
    """On one Valkey for both nothing is left to make a ledger of: it begins empty, and what comes next is decided."""
    process = site.start_worker("up")
    workers.callback(process.stop)
    form = {"submission_id": "s-1", "submitted_at": moment().isoformat(), "form": "demo-request"}
    send([bare("form-submissions", {**form, "email": "ada@acme.example"})])
    wait_for("lead-decisions", at_least(1))

    async def flush() -> None:
        async with embedded_valkey(Path(site.environment["ROUTER_DATA_DIR"])) as url:
            with redis.Redis.from_url(url) as client:
                client.flushall()
            await until(lambda: rebuilt([process]) == 1)

    asyncio.run(flush())
    send([bare("form-submissions", {**form, "submission_id": "s-2", "email": "bea@acme.example"})])
    [decided] = wait_for("lead-decisions", at_least(1))

    assert orjson.loads(decided.value or b"")["submission_id"] == "s-2"
