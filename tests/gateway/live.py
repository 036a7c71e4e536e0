"""A gateway that really listens, on a real Valkey, in the loop of a test; a worker beside it where one is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
from pydantic import SecretStr
from redis.asyncio import Redis

from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.adapters.enrichment.sources import Sources
from router.adapters.environment import Environment
from router.adapters.redis.companies import RedisCompanies
from router.adapters.redis.connection import connect
from router.adapters.redis.keys import Scope
from router.adapters.redis.ledger import RedisLedger
from router.bootstrap import CLOCK, Log, Station
from router.entrypoints.gateway.door import Door, door_to
from router.entrypoints.gateway.serve import address_of, listening, serve
from router.entrypoints.worker import prepare, work
from router.pipeline.ending import end
from router.pipeline.following import Following
from router.pipeline.work import InForce
from router.policy.directory import Directory
from router.policy.load import Loaded, restore
from router.ports import Publisher
from router.settings import Settings, identity_key

SHIPPED = Path(__file__).resolve().parents[2] / "config"
SECRET = SecretStr("a secret of a test, of more than 32 characters")


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway and who calls it. `client` follows no redirects and sends no key by itself."""

    url: str
    door: Door
    place: Station
    client: httpx.AsyncClient

    @property
    def redis(self) -> Redis:
        """The gateway's Redis."""
        return self.place.redis

    async def key(self, scope: Scope, *, origins: Sequence[str] = (), rate: str | None = None) -> str:
        """Make a key and return its text."""
        _, text = await self.door.keys.create("test", scope, CLOCK.now(), origins=origins, rate=rate)
        return text

    async def bearer(self, scope: Scope, *, rate: str | None = None) -> dict[str, str]:
        """Return the headers of a call with a new key."""
        return {"Authorization": f"Bearer {await self.key(scope, rate=rate)}"}

    async def on(self, topic: str) -> list[dict[str, Any]]:
        """Return the data of all events on *topic*."""
        return [orjson.loads(record.value or b"") async for record in self.place.log.tail.read([topic], follow=False)]

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """Run a worker meanwhile."""
        await prepare(self.place, allow_volatile=False)
        task = asyncio.create_task(work(self.place))
        try:
            yield
        finally:
            await end([task])


@asynccontextmanager
async def open_site(
    url: str, prefix: str, folder: Path, *, config: Path = SHIPPED, publisher: Publisher | None = None, **more: object
) -> AsyncIterator[Site]:
    """Serve over the Valkey at *url*, with *prefix* for workspace and topics; *more* are settings."""
    given: dict[str, Any] = {"config": config, "data_dir": folder, "listen": "127.0.0.1:0", "secret": SECRET, **more}
    settings = Settings.model_construct(workspace=prefix, topic_prefix=prefix, **given)
    async with AsyncExitStack() as stack:
        place = await _place(stack, settings, url, publisher)
        listener = stack.enter_context(listening(settings))
        door = await stack.enter_async_context(door_to(place, settings, _loaded(settings.config)))
        tasks = [asyncio.ensure_future(part) for part in (serve(door, listener), *door.parts())]
        stack.push_async_callback(end, tasks)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address_of(listener), timeout=30))
        yield Site(address_of(listener), door, place, client)


async def _place(stack: AsyncExitStack, settings: Settings, url: str, publisher: Publisher | None) -> Station:
    client = connect(url)
    stack.push_async_callback(client.aclose)
    streams, prefix = StreamPublisher(url, settings.topic_prefix, CLOCK.now), settings.topic_prefix
    stack.push_async_callback(streams.aclose)
    tail = StreamTail(url, prefix, CLOCK.now)
    stack.push_async_callback(tail.aclose)

    def source(name: str = "") -> StreamSource:
        return StreamSource(url, prefix, group=f"{settings.workspace}{name}", consumer="test", now=CLOCK.now)

    log = Log(publisher or streams, source(), source, tail, None)
    directory = Directory(settings.config)
    policy = _loaded(settings.config).policy
    in_force, ledger = InForce(policy), RedisLedger(client, settings.workspace)
    following = Following(in_force, ledger, restore, publisher=log.publisher, clock=CLOCK, workspace=settings.workspace)
    key = identity_key(settings)
    name, about = settings.workspace, (policy.version, key, CLOCK)
    sources = Sources(RedisCompanies(client, name), Environment({}))
    return Station(log, client, ledger, in_force, following, directory, *about, name, prefix, None, sources)


@cache
def _loaded(config: Path) -> Loaded:
    """Read a configuration that does not change once for all tests."""
    return Directory(config).load()


async def eventually(look: Any, within: timedelta = timedelta(seconds=20)) -> Any:  # noqa: ANN401 - any look at the world
    """Await *look* again and again until it answers with something, and return that."""
    async with asyncio.timeout(within.total_seconds()):
        while not (seen := await look()):  # noqa: ASYNC110 - a server sends no news of it
            await asyncio.sleep(0.02)
    return seen
