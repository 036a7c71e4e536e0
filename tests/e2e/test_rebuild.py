"""A Redis that forgets everything costs no lead, no owner and no clock: the ledger is made again from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from router.policy.load import load_policy
from router.settings import load_settings
from tests.e2e.play import Played, Stage
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, on_servers, site_in
from tests.valkey import ValkeyServer

SUBMISSIONS = 1_200
OVER = timedelta(seconds=10)
REBUILT_WITHIN = 40.0  # seconds; a few are usual


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The load of the promises' tests, smaller."""
    return Scenario.make(SUBMISSIONS, first_touch=timedelta(seconds=12), accept_within=timedelta(seconds=3))


@pytest.fixture
def site(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str) -> Site:
    """A deployment whose log is not where its ledger is."""
    return site_in(tmp_path, monkeypatch, prefix, scenario.write_policy(tmp_path / "config"))


@pytest.fixture
def workers() -> Iterator[ExitStack]:
    """Stop the workers that a test starts, whatever becomes of it; asked for last, so that servers outlive them."""
    with ExitStack() as stack:
        yield stack


def expect_promises(played: Played, site: Site, grace: float = 20.0) -> None:
    """Check every promise that shows on the topics, and that what was sent is what was decided."""
    policy = load_policy(Path(site.environment["ROUTER_CONFIG"])).policy
    report = played.judge(policy, site.environment["ROUTER_TOPIC_PREFIX"], timedelta(seconds=grace))
    print(report.counts, report.delays, f"longest delay {max(played.delays):.2f} s")
    assert report.holds, "\n".join(str(violation) for violation in report.violations[:20])
    assert played.of("dead-letters") == []
    assert len({record.data["submission_id"] for record in played.of("lead-decisions") if record.data}) == SUBMISSIONS


async def until(condition: Callable[[], bool]) -> None:
    """Wait for *condition*."""
    async with asyncio.timeout(REBUILT_WITHIN):
        while not condition():
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

    expect_promises(played, site)
    assert rebuilt(running) == 2
    assert "facts_lost" not in "".join(worker.lines() for worker in running)
