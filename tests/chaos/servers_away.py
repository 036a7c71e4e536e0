"""Faults of processes: workers and servers that are killed, stopped, or forget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from importlib.util import find_spec

import redis

from tests.chaos.fault import AFTER_A_DEATH, Disturb, Fault, direct, nothing
from tests.chaos.scene import Scene

KAFKA_STARTS_IN = 3.0  # seconds, of those that it is away
SESSION = 6  # seconds: then a member of the group that is not heard of is taken for gone


def _kill_workers(least: float, most: float) -> Disturb:
    """Kill a worker drawn by lot every so many seconds, and put another in its place."""

    async def kill(scene: Scene) -> None:
        until = time.monotonic() + scene.over.total_seconds()
        while time.monotonic() < until:
            await asyncio.sleep(scene.draw.uniform(least, most))
            victim = scene.workers.pop(scene.draw.randrange(len(scene.workers)))
            await asyncio.to_thread(victim.kill)
            scene.over_now()
            await scene.start_workers([{}])

    return kill


async def _stop_worker(scene: Scene) -> None:
    """Stop one for longer than its session: others have its partitions when it goes on as if nothing had been."""
    await scene.middle(0.3)
    victim = scene.draw.choice(scene.workers)
    victim.pause()
    await asyncio.sleep(SESSION + 2)
    victim.resume()
    scene.over_now()


async def _kill_broker(scene: Scene) -> None:
    await scene.middle()
    await asyncio.to_thread(scene.servers.kafka.kill)
    async with scene.outage(KAFKA_STARTS_IN):
        await asyncio.to_thread(scene.servers.kafka.start)


async def _stop_broker(scene: Scene) -> None:
    await scene.middle()
    scene.servers.kafka.pause()
    async with scene.outage():
        scene.servers.kafka.resume()


async def _kill_redis(scene: Scene) -> None:
    await scene.middle()
    await asyncio.to_thread(scene.servers.valkey.kill)
    async with scene.outage():
        await asyncio.to_thread(scene.servers.valkey.start)


async def _flush_redis(scene: Scene) -> None:
    await scene.middle()
    with redis.Redis.from_url(scene.servers.valkey.url) as client:
        await asyncio.to_thread(client.flushall)
    scene.over_now()


def _no_rebuild() -> str:
    there = find_spec("router.entrypoints.rebuild") is not None
    return "" if there else "running workers do not rebuild a lost ledger in this version"


FAULTS: Sequence[Fault] = (
    Fault("nothing", "Nothing: what the other rows are to be read beside.", nothing, direct(2), AFTER_A_DEATH),
    Fault(
        "worker-killed",
        "SIGKILL of one of three workers every seven to nine seconds.",
        _kill_workers(SESSION + 1, SESSION + 3),
        direct(3),
        AFTER_A_DEATH,
    ),
    Fault(
        "workers-killed",
        "The same every two to four seconds: the next dies before the group has settled after the one before.",
        _kill_workers(2, 4),
        direct(3),
        AFTER_A_DEATH,
    ),
    Fault(
        "worker-stopped",
        "SIGSTOP of one of two workers for 8 s, beyond its session.",
        _stop_worker,
        direct(2),
        AFTER_A_DEATH,
    ),
    Fault("broker-killed", "SIGKILL of Kafka, back after 5 s.", _kill_broker, direct(2)),
    Fault("broker-stopped", "SIGSTOP of Kafka for 5 s: connections stay, nothing answers.", _stop_broker, direct(2)),
    Fault("redis-killed", "SIGKILL of Valkey, back after 5 s.", _kill_redis, direct(2)),
    Fault("redis-flushed", "FLUSHALL on Valkey.", _flush_redis, direct(2), missing=_no_rebuild),
)
