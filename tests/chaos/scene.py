"""
A deployment under one fault: servers, proxies before them, workers, and the load that is played meanwhile.

What a fault may do to it are its methods; what is done when is in `faults`. Everything random follows from the seed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from router.entrypoints.topics import create
from router.settings import Settings, load_settings
from tests.chaos.proxy import Proxy, proxying
from tests.e2e.processes import WorkerProcess
from tests.e2e.site import SECRET, Site
from tests.kafka.server import KafkaServer
from tests.valkey import ValkeyServer


@dataclass(frozen=True, slots=True)
class Servers:
    """A Kafka and a Valkey of one's own, each with a proxy before it."""

    kafka: KafkaServer
    valkey: ValkeyServer
    to_kafka: Proxy
    to_valkey: Proxy

    @property
    def direct(self) -> Mapping[str, str]:
        """The settings of who reaches the servers whatever is done to the network."""
        return {"ROUTER_KAFKA": self.kafka.address, "ROUTER_REDIS_URL": self.valkey.url}

    @property
    def through_proxies(self) -> Mapping[str, str]:
        """The settings of who reaches the servers by the network that is cut."""
        return {
            "ROUTER_KAFKA": f"127.0.0.1:{self.to_kafka.port}",
            "ROUTER_REDIS_URL": f"redis://127.0.0.1:{self.to_valkey.port}",
        }


@contextmanager
def processes(folder: Path) -> Iterator[tuple[KafkaServer, ValkeyServer]]:
    """Start both servers under *folder*; Kafka sends whoever comes by its second listener to a proxy."""
    with ExitStack() as stack:
        kafka, valkey = KafkaServer(folder / "kafka"), ValkeyServer(folder / "valkey")
        for server in (kafka, valkey):
            stack.callback(server.stop)
            server.start()
        yield kafka, valkey


@asynccontextmanager
async def proxied(kafka: KafkaServer, valkey: ValkeyServer) -> AsyncIterator[Servers]:
    """Serve the proxies before both, in this event loop."""
    async with proxying(kafka.port_behind, kafka.port_advertised) as to_kafka, proxying(valkey.port) as to_valkey:
        yield Servers(kafka, valkey, to_kafka, to_valkey)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings that *environment* gives; settings come from nowhere else."""
    with patch.dict(os.environ, environment):
        return load_settings()


@dataclass(slots=True)
class Scene:
    """
    One run: its workers, and what was done to it when.

    * **on** - None for a deployment on the embedded servers. **cleanup** - what is to be done at its end.
    * **over** - how long submissions come; faults are placed in it.
    * **away** - how long a server is taken away, or a network cut.
    * **doubts** - asked at the end: why the fault was none after all; empty where it was one.
    * **ends** - when (monotonic) each fault was over; **outages** - how long each server really was away.
    """

    site: Site
    draw: random.Random
    over: timedelta
    away: float
    folder: Path
    on: Servers | None
    cleanup: AsyncExitStack
    workers: list[WorkerProcess] = field(default_factory=list)
    doubts: list[Callable[[], str]] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    outages: list[float] = field(default_factory=list)

    @property
    def command(self) -> str:
        """How a process of it is started."""
        return "worker" if self.on is not None else "up"

    @property
    def settings(self) -> Settings:
        """The settings of who plays the world: the servers' own addresses."""
        return settings_of(self.site.environment)

    @property
    def servers(self) -> Servers:
        """The servers, where the deployment is on servers."""
        if self.on is None:
            raise RuntimeError("this scene is on the embedded servers")
        return self.on

    async def start_workers(self, each: Sequence[Mapping[str, str]]) -> None:
        """Start a worker for each environment, side by side, and return when all consume."""
        starts = (asyncio.to_thread(self.site.start_worker, self.command, **more) for more in each)
        for worker in await asyncio.gather(*starts):
            self.workers.append(worker)
            self.cleanup.push_async_callback(asyncio.to_thread, worker.stop)

    async def middle(self, share: float = 0.4) -> None:
        """Wait for a moment of the run, drawn around *share* of it."""
        await asyncio.sleep(self.over.total_seconds() * (share + self.draw.uniform(-0.1, 0.1)))

    def over_now(self) -> None:
        """Note that a fault has ended."""
        self.ends.append(time.monotonic())

    @asynccontextmanager
    async def outage(self, start_takes: float = 0.0) -> AsyncIterator[None]:
        """
        Keep something away that was taken before, for `away` seconds; it comes back within the block.

        * **start_takes** - what of them it takes to come back, on a machine with nothing else to do.
        """
        began = time.monotonic()
        await asyncio.sleep(max(0.0, self.away - start_takes))
        yield
        self.outages.append(time.monotonic() - began)
        self.over_now()


@asynccontextmanager
async def scene(
    folder: Path, config: Path, *, name: str, draw: random.Random, over: timedelta, away: float, on: Servers | None
) -> AsyncIterator[Scene]:
    """Open a deployment with topics of its own, without workers; those that are started are stopped at the end."""
    environment = {
        "ROUTER_CONFIG": str(config),
        "ROUTER_DATA_DIR": str(folder / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": f"{name}-",
        "ROUTER_WORKSPACE": name,
        **(on.direct if on is not None else {}),
    }
    async with AsyncExitStack() as stack:
        opened = Scene(Site(environment, folder), draw, over, away, folder, on, stack)
        if on is not None:
            await create(opened.settings)
        yield opened
