"""A backlog far larger than a worker may hold, and a Redis that hangs in the middle of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
import pytest
import redis

from router.bootstrap import log_of
from router.entrypoints.topics import create
from router.events.base import rfc3339
from router.ports import Outgoing, Publisher
from router.settings import load_settings
from tests.benchmarks.memory import MIB, resident
from tests.e2e.command import SECRET
from tests.e2e.processes import WorkerProcess
from tests.logs import now
from tests.unit.policy_text import write
from tests.valkey import ValkeyServer

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.timeout(400),  # of which a machine with nothing else to do needs a twentieth
    pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc"),
]

EVENTS, SIZE, PEOPLE = 30_000, 8_000, 300
WRITTEN_AT_ONCE = 2_000
STEADY_FOR = 3.0  # seconds without growth: then no more is fetched
SOON = 200.0
BOUND: Final = 170.0
"""MiB: 64 that may wait, what is fetched ahead of it, and what Python has not given back."""


@pytest.fixture
def settings(
    kafka: str, own_valkey: ValkeyServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of a deployment on Kafka and a Valkey of its own, also set for this process."""
    settings = {
        "ROUTER_CONFIG": str(write(tmp_path / "config")),
        "ROUTER_KAFKA": kafka,
        "ROUTER_REDIS_URL": own_valkey.url,
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


async def test_a_worker_holds_a_part_of_a_backlog_and_goes_on_when_redis_does(
    settings: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While Redis hangs it stops fetching at its mark and says what it waits for; then it goes on by itself."""
    assert EVENTS * SIZE / MIB > BOUND * 1.3
    await create(load_settings())
    worker = await asyncio.to_thread(WorkerProcess, settings, tmp_path / "worker.log")
    try:
        await asyncio.to_thread(worker.wait_until_ready)
        async with log_of(load_settings()) as log:
            idle = resident(worker.pid)
            with stopped(own_valkey):
                await _write(log.publisher)
                largest = await _steady(worker.pid)
                await _until(lambda: "dependency.down" in worker.lines())
        with capsys.disabled():
            print(f"\na backlog of {EVENTS * SIZE / MIB:.0f} MiB: the worker grew by {largest - idle:.0f} MiB")
        assert largest - idle < BOUND
        await _until(lambda: _noted(own_valkey, settings["ROUTER_WORKSPACE"]) == EVENTS)
        assert "dependency.back" in worker.lines()
        assert resident(worker.pid) - idle < BOUND
    finally:
        ended = await asyncio.to_thread(worker.stop)
    assert ended == 0


@contextmanager
def stopped(server: ValkeyServer) -> Iterator[None]:
    """Hold a server still: it keeps its connections and answers nobody."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def _write(publisher: Publisher) -> None:
    """Write the backlog: what some people did on a web site, with a page of text nobody asked for."""
    at, text = rfc3339(now()), "x" * SIZE
    for start in range(0, EVENTS, WRITTEN_AT_ONCE):
        await publisher.publish([
            Outgoing("lead-activities", b"%d" % number, orjson.dumps({
                "activity_id": f"a{number}", "at": at, "kind": "page_view", "text": text,
                "email": f"dana{number % PEOPLE}@acme.example",
            })) for number in range(start, start + WRITTEN_AT_ONCE)
        ])  # fmt: skip


async def _steady(pid: int) -> float:
    """Return the largest memory of a process, in MiB, once it has not grown for a time."""
    largest, since = 0.0, time.monotonic()
    async with asyncio.timeout(SOON):
        while time.monotonic() - since < STEADY_FOR:
            seen = resident(pid)
            if seen > largest + 1:
                largest, since = seen, time.monotonic()
            await asyncio.sleep(0.1)
    return largest


def _noted(server: ValkeyServer, workspace: str) -> int:
    """Return how many activities stand in the ledger, each once."""
    with redis.Redis.from_url(server.url) as client:
        keys = list(client.scan_iter(f"{{{workspace}}}:activity:*", count=1_000))
        return sum(client.zcard(key) for key in keys)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - a server sends no news of it
            await asyncio.sleep(0.2)
