"""Who may restore a ledger, and what is cleared away before."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.restoring import PORTION, LeaseLost, Restoring, items_of, portions
from router.domain.ledger.state import DAY, Ledger
from router.domain.ledger.verbs import Act, Attend, Audience, Edge, Install, Seat, Step, Tick
from router.domain.rebuild.image import Image
from tests.model.world import START, submission

NOT_OF_THE_LEDGER = {"alive", "identity", "policies", "rebuild", "rebuilder", "keys", "activity", "roll"}


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """Give a client of the shared Valkey."""
    async with Redis.from_url(valkey) as client:
        yield client


async def test_one_restores_at_a_time(client: Redis, prefix: str) -> None:
    """The lease is one process's; handed back, it is the next one's."""
    one, other = Restoring(client, prefix, "p"), Restoring(client, prefix, "p")
    async with one.lease() as mine:
        assert mine
        async with other.lease() as its:
            assert not its
        await one.retire()
    async with other.lease() as its:
        assert its


async def test_a_lease_that_ran_out_goes_on_until_somebody_else_has_begun(client: Redis, prefix: str) -> None:
    """A process that stood still goes on where nobody noticed; where somebody took over it is refused for good."""
    one, other = Restoring(client, prefix, "p"), Restoring(client, prefix, "p")
    async with one.lease():
        await client.delete(f"{{{prefix}}}:rebuild")  # as if it had run out
        await one.clear()
        await client.delete(f"{{{prefix}}}:rebuild")
        async with other.lease() as its:
            assert its
            with pytest.raises(LeaseLost):
                await one.clear()
        with pytest.raises(LeaseLost):
            await one.begin(Image(Ledger(), {}), "epoch")
    assert await RedisLedger(client, prefix).sequence() is None


async def test_a_ledger_that_is_there_is_left_alone(client: Redis, prefix: str) -> None:
    """Without being ended first a ledger cannot be restored over."""
    await RedisLedger(client, prefix).begin("first")
    restoring = Restoring(client, prefix, "p")
    async with restoring.lease():
        with pytest.raises(LeaseLost, match="THERE"):
            await restoring.clear()
        await restoring.retire()
        await restoring.clear()
        await restoring.begin(Image(Ledger(), {}), "second")
    assert (await RedisLedger(client, prefix).known()).epoch == "second"


async def test_nothing_of_a_ledger_is_left_after_clearing(client: Redis, prefix: str) -> None:
    """Every kind of key that a ledger has goes; what else the workspace keeps stays."""
    ledger = RedisLedger(client, prefix)
    await ledger.begin("test")
    await ledger.fingerprint("mine")
    calendar: dict[str, tuple[Edge, ...]] = {
        "office": (Edge(START - DAY, "open", midnight=True), Edge(START + DAY, "outside_hours"))
    }
    seats = (
        Seat("ana", active=True, capacity=1, weight=1, order=0, manager="mia"),
        Seat("ben", active=True, capacity=1, weight=1, order=1, calendar="office", manager="mia"),
    )
    audiences = (Audience("all", "all", "weighted_round_robin", ("ana", "ben")),)
    steps = (Step("all", "all", 10_000),)
    await ledger.apply(
        [
            Install("v", seats, {"all": ("ana", "ben")}, calendar, 3, 2, 9, 30_000, DAY, audiences, policy="{}"),
            *(Attend(rep, "available", START, 60_000) for rep in ("ana", "ben")),
            *(submission(f"s{n}", f"L{n}", START, steps=steps, company="acme.example") for n in range(5)),
            Act("a1", "L0", "ana", "decline", START),
            Act("a2", "L1", "ben", "touch", START),
            dataclasses.replace(submission("s9", "L1", START), steps=steps, company="acme.example"),
            Tick(),
        ],
        START,
    )
    await client.hset(f"{{{prefix}}}:keys", "k", "v")
    await client.zadd(f"{{{prefix}}}:activity:lead:L1", {"a": 1})
    before = await kinds(client, prefix)
    restoring = Restoring(client, prefix, "p")
    async with restoring.lease():
        await restoring.retire()
        await restoring.clear()
        left = await kinds(client, prefix)

    assert left <= NOT_OF_THE_LEDGER
    assert {"keys", "activity", "policies", "identity"} <= left
    assert len(before - left) > 25


async def kinds(client: Redis, prefix: str) -> set[str]:
    """Return the kinds of keys that a workspace has: what stands before the first colon."""
    start = f"{{{prefix}}}:"
    return {key.decode()[len(start) :].split(":")[0] async for key in client.scan_iter(f"{start}*", count=1_000)}


def test_no_call_holds_redis_up() -> None:
    """However many ids are remembered, a call restores only so many; all of them come, in their order."""
    ids = {f"s{number}": START + DAY for number in range(3 * PORTION + 1)}
    items = list(items_of(Image(Ledger(), {}), Install("v", (), {}, {}, 3, 2, None, 30_000, DAY), ids, ids, START))
    calls = list(portions(items))

    assert [item for call in calls for item in call] == items
    assert (
        max(sum(len(item.get("submissions", ())) + len(item.get("actions", ())) for item in call) for call in calls)
        <= 2 * PORTION
    )
    assert len(calls) >= 6
