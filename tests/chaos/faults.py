"""The faults: for each a name, what is done, and how long a submission may then take to get to a rep or a queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import redis

from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene, Servers

AFTER_A_DEATH = 10.0  # seconds, of a submission: the longest after a worker's death
AFTER_AN_OUTAGE = 20.0  # and after five seconds without a server
Disturb = Callable[[Scene], Awaitable[None]]
Places = Callable[[Servers], Sequence[Mapping[str, str]]]


def direct(count: int) -> Places:
    """Place *count* workers right beside the servers."""
    return lambda _: [{} for _ in range(count)]


def behind(servers: Servers) -> Sequence[Mapping[str, str]]:
    """Place two workers, both behind the network that is cut."""
    return [servers.through_proxies, servers.through_proxies]


def one_behind(servers: Servers) -> Sequence[Mapping[str, str]]:
    """Place two workers, one of them behind the network that is cut: the other one goes on meanwhile."""
    return [servers.through_proxies, {}]


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One row of the table.

    * **what** - what is done, in words. **disturb** does it, beside the load.
    * **places** - where the workers stand; **longest** - seconds that a submission may take.
    * **poisoned** - every hundredth record is one that can never be processed.
    """

    name: str
    what: str
    disturb: Disturb
    places: Places
    longest: float
    poisoned: bool = False


async def nothing(_: Scene) -> None:
    """Do nothing."""


async def kill_workers(scene: Scene) -> None:
    """Kill a worker drawn by lot every two to four seconds, and put another in its place."""
    until = time.monotonic() + scene.over.total_seconds()
    while time.monotonic() < until:
        await asyncio.sleep(scene.draw.uniform(2.0, 4.0))
        victim = scene.workers.pop(scene.draw.randrange(len(scene.workers)))
        await asyncio.to_thread(victim.kill)
        scene.over_now()
        await scene.start_workers([{}])


async def kill_broker(scene: Scene) -> None:
    """Kill the broker, and start it again."""
    await scene.middle()
    await asyncio.to_thread(scene.servers.kafka.kill)
    async with scene.outage():
        await asyncio.to_thread(scene.servers.kafka.start)


async def stop_broker(scene: Scene) -> None:
    """Stop the broker where it is, and let it go on."""
    await scene.middle()
    scene.servers.kafka.pause()
    async with scene.outage():
        scene.servers.kafka.resume()


async def kill_redis(scene: Scene) -> None:
    """Kill Valkey, and start it again."""
    await scene.middle()
    await asyncio.to_thread(scene.servers.valkey.kill)
    async with scene.outage():
        await asyncio.to_thread(scene.servers.valkey.start)


async def flush_redis(scene: Scene) -> None:
    """Make Valkey forget everything."""
    await scene.middle()
    with redis.Redis.from_url(scene.servers.valkey.url) as client:
        await asyncio.to_thread(client.flushall)
    scene.over_now()


def network(which: Callable[[Servers], Proxy], harm: Callable[[Proxy], None]) -> Disturb:
    """Harm one of the networks for a while."""

    async def disturb(scene: Scene) -> None:
        await scene.middle()
        proxy = which(scene.servers)
        harm(proxy)
        async with scene.outage():
            proxy.heal()

    return disturb


def _kafka(servers: Servers) -> Proxy:
    return servers.to_kafka


def _valkey(servers: Servers) -> Proxy:
    return servers.to_valkey


def _slow(proxy: Proxy) -> None:
    proxy.slow(0.25)


FAULTS: Sequence[Fault] = (
    Fault("nothing", "Nothing: what the other rows are to be read beside.", nothing, direct(2), AFTER_A_DEATH),
    Fault("worker-killed", "SIGKILL of a worker every few seconds.", kill_workers, direct(3), AFTER_A_DEATH),
    Fault("broker-killed", "SIGKILL of Kafka, away for 5 s.", kill_broker, direct(2), AFTER_AN_OUTAGE),
    Fault("broker-stopped", "SIGSTOP of Kafka for 5 s.", stop_broker, direct(2), AFTER_AN_OUTAGE),
    Fault("redis-killed", "SIGKILL of Valkey, away for 5 s.", kill_redis, direct(2), AFTER_AN_OUTAGE),
    Fault("redis-flushed", "FLUSHALL on Valkey.", flush_redis, direct(2), AFTER_AN_OUTAGE),
    *(
        Fault(
            f"{server}-{how}{suffix}",
            f"The network to {title} {does} for 5 s, for {whose}.",
            network(proxy, harm),
            places,
            AFTER_AN_OUTAGE,
        )
        for server, title, proxy in (("kafka", "Kafka", _kafka), ("redis", "Valkey", _valkey))
        for how, does, harm in (
            ("cut", "resets every connection", Proxy.cut),
            ("silent", "passes nothing on", Proxy.silence),
            ("slow", "takes 250 ms each way", _slow),
        )
        for suffix, whose, places in (("", "all workers", behind), ("-for-one", "one of two workers", one_behind))
    ),
    Fault("poison", "A bad record in every hundred.", nothing, direct(2), AFTER_A_DEATH, poisoned=True),
)
