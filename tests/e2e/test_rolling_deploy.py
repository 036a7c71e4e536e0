"""Workers are replaced one after the other by those of another release, and back, under load: nobody notices."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from tests.e2e.play import Stage
from tests.e2e.processes import WorkerProcess
from tests.e2e.promises import expect_promises
from tests.e2e.release import next_release
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, on_servers

SUBMISSIONS = 1_500
OVER = timedelta(seconds=25)
ENDS_WITHIN = 10.0
DELAYED_AT_MOST = 10.0


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """A load that lasts for as long as the workers are replaced."""
    return Scenario.make(SUBMISSIONS, first_touch=timedelta(seconds=12), accept_within=timedelta(seconds=3))


def libraries(url: str) -> set[bytes]:
    """Return the names of the ledger's libraries that a server has."""
    with redis.Redis.from_url(url) as client:
        return {row[1] for row in client.function_list()}


@pytest.mark.kafka
def test_two_releases_take_turns_under_load(
    site: Site,
    scenario: Scenario,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    valkey: str,
    workers: ExitStack,
) -> None:
    """
    Two workers are replaced by the next release and one is rolled back: all promises hold, and nothing waits for long.

    Each that is asked to end does so in good order within ten seconds; both releases' functions are in Redis.
    """
    settings = on_servers(site, monkeypatch, kafka, valkey)
    new = {**site.environment, **next_release(tmp_path / "next")}
    count = iter(range(100))

    def start(environment: dict[str, str]) -> WorkerProcess:
        worker = WorkerProcess(environment, tmp_path / f"turn-{next(count)}.log")
        workers.callback(worker.stop)
        worker.wait_until_ready()
        return worker

    running = [start(site.environment) for _ in range(2)]
    before = libraries(valkey)

    async def take_turns() -> None:
        for environment in (new, new, site.environment):
            await asyncio.sleep(1)
            running.append(await asyncio.to_thread(start, environment))
            await asyncio.to_thread(end, running.pop(0))

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=take_turns, within=120))
    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=10))
    delays = sorted(played.delays)
    print(f"delays: median {delays[len(delays) // 2]:.3f} s, longest {delays[-1]:.2f} s")
    assert delays[-1] < DELAYED_AT_MOST
    assert len(libraries(valkey) - before) == 1


def end(worker: WorkerProcess) -> None:
    """End a worker as a deploy does."""
    asked = time.monotonic()
    assert worker.stop() == 0, worker.lines()
    assert time.monotonic() - asked < ENDS_WITHIN
