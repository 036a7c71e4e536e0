"""Faults of the network between workers and each of their servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.chaos.fault import Disturb, Fault
from tests.chaos.proxy import Proxy
from tests.chaos.scene import Scene, Servers

SLOW = 0.25
"""Seconds that a byte takes, each way: a request from one continent to another, and a bad day."""


async def _all_behind(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Place two workers behind the network that is harmed."""
    return [scene.servers.through_proxies] * 2


async def _one_behind(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Place one worker behind the network that is harmed; the other one goes on meanwhile."""
    return [scene.servers.through_proxies, {}]


def _harm(which: Callable[[Servers], Proxy], harm: Callable[[Proxy], None]) -> Disturb:
    async def disturb(scene: Scene) -> None:
        await scene.middle()
        proxy = which(scene.servers)
        harm(proxy)
        async with scene.outage():
            proxy.heal()

    return disturb


def _slow(proxy: Proxy) -> None:
    proxy.slow(SLOW)


def _rows(name: str, title: str, which: Callable[[Servers], Proxy]) -> Iterator[Fault]:
    for how, does, harm in (
        ("cut", "resets every connection", Proxy.cut),
        ("silent", "passes nothing on, and later all of it", Proxy.silence),
        ("lost", "passes nothing on, and forgets the connections that there were", Proxy.lose),
        ("slow", "takes 250 ms each way", _slow),
    ):
        what = f"For 5 s the network to {title} {does}"
        yield Fault(f"{name}-{how}", f"{what}.", _harm(which, harm), _all_behind)
        if harm is not _slow:
            yield Fault(f"{name}-{how}-for-one", f"{what}, for one of two workers.", _harm(which, harm), _one_behind)


FAULTS: Sequence[Fault] = (
    *_rows("kafka", "Kafka", lambda servers: servers.to_kafka),
    *_rows("redis", "Valkey", lambda servers: servers.to_valkey),
)
