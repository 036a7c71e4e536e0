"""Three thousand submissions of real companies, thirty reps who come and go: the promises hold, whatever is killed."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta

import pytest

from router.settings import load_settings
from tests.e2e.play import Stage
from tests.e2e.promises import expect_promises
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, on_servers
from tests.kafka.server import KafkaServer
from tests.valkey import ValkeyServer

SUBMISSIONS = 3_000
OVER = timedelta(seconds=12)
CALM = timedelta(seconds=2)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The load: its reps have a minute in the policy, so that the clocks run and some breach."""
    return Scenario.make(SUBMISSIONS, first_touch=timedelta(seconds=12), accept_within=timedelta(seconds=3))


def test_promises_hold_on_the_embedded_log(site: Site, scenario: Scenario, workers: ExitStack) -> None:
    """On the embedded log with one process every submission is decided once and every promise holds."""
    workers.callback(site.start_worker("up").stop)
    played = asyncio.run(Stage(scenario, load_settings()).play(OVER))
    expect_promises(played, site, SUBMISSIONS, grace=CALM)


@pytest.mark.kafka
def test_promises_hold_on_kafka(
    site: Site, scenario: Scenario, monkeypatch: pytest.MonkeyPatch, kafka: str, valkey: str, workers: ExitStack
) -> None:
    """On Kafka with two workers every submission is decided once and every promise holds."""
    settings = on_servers(site, monkeypatch, kafka, valkey)
    for _ in range(2):
        workers.callback(site.start_worker().stop)
    played = asyncio.run(Stage(scenario, settings).play(OVER))
    expect_promises(played, site, SUBMISSIONS, grace=CALM)


@pytest.mark.kafka
def test_promises_hold_when_a_worker_is_killed(
    site: Site, scenario: Scenario, monkeypatch: pytest.MonkeyPatch, kafka: str, valkey: str, workers: ExitStack
) -> None:
    """A worker that dies in the middle costs no lead and delays none by ten seconds."""
    settings = on_servers(site, monkeypatch, kafka, valkey)
    victim = site.start_worker()
    workers.callback(site.start_worker().stop)

    async def kill_one() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        victim.kill()

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=kill_one))
    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=10))
    assert max(played.delays) < 10


@pytest.mark.kafka
def test_promises_hold_when_redis_is_killed(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    own_valkey: ValkeyServer,
    workers: ExitStack,
) -> None:
    """Redis killed and started again in the middle loses nothing, and nothing becomes a dead letter for it."""
    settings = on_servers(site, monkeypatch, kafka, own_valkey.url)
    for _ in range(2):
        workers.callback(site.start_worker().stop)

    async def kill_redis() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        await asyncio.to_thread(own_valkey.kill)
        await asyncio.sleep(2)
        await asyncio.to_thread(own_valkey.start)

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=kill_redis))
    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=10))


@pytest.mark.kafka
def test_promises_hold_when_the_broker_is_killed(
    site: Site,
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    own_kafka: KafkaServer,
    valkey: str,
    workers: ExitStack,
) -> None:
    """A broker that is away for seconds loses nothing: what the ledger has settled meanwhile is published after it."""
    settings = on_servers(site, monkeypatch, own_kafka.address, valkey)
    for _ in range(2):
        workers.callback(site.start_worker().stop)

    async def kill_broker() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        await asyncio.to_thread(own_kafka.kill)
        await asyncio.sleep(3)
        await asyncio.to_thread(own_kafka.start)

    played = asyncio.run(Stage(scenario, settings).play(OVER, disturb=kill_broker))
    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=25))
    assert max(played.delays) < 30


def test_promises_hold_when_the_one_process_is_killed(site: Site, scenario: Scenario, workers: ExitStack) -> None:
    """Everything in one process, killed in the middle and started again, goes on where it was."""
    victim = site.start_worker("up")

    async def kill_and_start_again() -> None:
        await asyncio.sleep(OVER.total_seconds() / 2)
        victim.kill()
        again = await asyncio.to_thread(site.start_worker, "up")
        workers.callback(again.stop)

    played = asyncio.run(Stage(scenario, load_settings()).play(OVER, disturb=kill_and_start_again))
    expect_promises(played, site, SUBMISSIONS, grace=timedelta(seconds=10))
    assert max(played.delays) < 10
