"""A Redis that answers and takes no writes is an outage for the queue of deliveries, whoever asks it for what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest
from redis.asyncio import Redis

from router.adapters.redis.connection import connect
from router.adapters.redis.deliveries import Deliveries, Parcel
from router.entrypoints.metrics.instruments import Instruments
from router.errors import DependencyDown
from tests.valkey import ValkeyServer

PARCEL = Parcel("crm", "m1", 1 << 50, b"{}")
CALLS: Mapping[str, Callable[[Deliveries], Awaitable[object]]] = {
    "put": lambda queue: queue.put([PARCEL]),
    "take": lambda queue: queue.take("crm", 1, 1000),
    "later": lambda queue: queue.later("crm", ["m1"], 0),
    "channels": lambda queue: queue.channels(),
}


@pytest.fixture
async def client(own_valkey: ValkeyServer) -> AsyncIterator[Redis]:
    """Give a client of a server that may be filled up."""
    async with connect(own_valkey.url) as client:
        yield client


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_full_server_answers_no_call_of_the_queue(
    client: Redis, call: Callable[[Deliveries], Awaitable[object]]
) -> None:
    """Not even one that finds nothing to write, so that none of them tells that it is back; with room all do."""
    instruments = Instruments("notifier")
    queue = instruments.deliveries(client, "ws")
    await client.config_set("maxmemory", 1)
    assert await client.ping()
    with pytest.raises(DependencyDown):
        await call(queue)
    assert instruments.outages.down == {"redis"}
    await client.config_set("maxmemory", 0)
    await call(queue)
    assert instruments.outages.down == frozenset()


async def test_what_is_delivered_leaves_a_full_server(client: Redis) -> None:
    """That makes room in it, and tells nothing of whether it takes writes again."""
    instruments = Instruments("notifier")
    queue = instruments.deliveries(client, "ws")
    await queue.put([PARCEL])
    await client.config_set("maxmemory", 1)
    with pytest.raises(DependencyDown):
        await queue.take("crm", 1, 1000)
    await queue.finish("crm", "m1")
    assert [name async for name, _ in queue.held()] == []
    assert instruments.outages.down == {"redis"}


async def test_a_replica_answers_no_call_of_the_queue(client: Redis) -> None:
    """It would not keep what it is given."""
    queue = Deliveries(client, "ws")
    await client.replicaof("127.0.0.1", "1")
    with pytest.raises(DependencyDown):
        await queue.take("crm", 1, 1000)
