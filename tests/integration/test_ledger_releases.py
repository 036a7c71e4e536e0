"""What an earlier release has left in Redis, and what it finds there: old and new workers share a ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Act, Attend, Audience, Install, Place
from tests.integration.test_ledger_behaviour import submission
from tests.unit.ledger_story import START, hot, seat

READ_BY_EARLIER_RELEASES = {
    "id", "first", "state", "attempt", "sub", "submitted", "received", "decided", "policy", "route", "step_list",
    "lane", "stage", "priority", "escalate_to", "considered", "clock", "owners", "opened", "unheld_since", "unheld_ms",
    "assigned_at", "accept_ms", "reach", "tries", "tried", "warned", "rep", "last_rep", "step", "pool",
}  # fmt: skip


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """Give a client as a worker has one."""
    async with connect(valkey) as client:
        yield client


@pytest.fixture
async def ledger(client: Redis, prefix: str) -> RedisLedger:
    """Give a ledger in which ana and ben are there."""
    ledger = RedisLedger(client, prefix)
    install = Install(
        "v1", (seat("ana"), seat("ben")), {"all": ("ana", "ben")}, {}, 5, 2, None, 30_000, 86_400_000,
        (Audience("all", "all", "in_order", ("ana", "ben")),),
    )  # fmt: skip
    await ledger.begin("test")
    await ledger.apply([install, *(Attend(rep, "available", START, 0) for rep in ("ana", "ben"))], START)
    return ledger


async def kept(client: Redis, ledger: RedisLedger) -> dict[str, Any]:
    """Return the lead as any program reads it: one JSON object."""
    row: dict[str, Any] = orjson.loads(await client.get(f"{ledger.prefix}lead:L1") or b"")
    return row


def placed() -> Place:
    """Return a submission with a clock."""
    return dataclasses.replace(
        submission(1), clock=dataclasses.replace(hot(START, warn_at=(0.5,)), on_breach=("reassign",))
    )


async def test_a_lead_is_one_object_with_what_earlier_releases_read(client: Redis, ledger: RedisLedger) -> None:
    """However it is put together; so a worker of the release before goes on with it."""
    await ledger.apply([placed()], START)
    assert (await kept(client, ledger)).keys() >= READ_BY_EARLIER_RELEASES


async def test_a_lead_that_an_earlier_release_wrote_goes_on(client: Redis, ledger: RedisLedger) -> None:
    """Its JSON is one line in any order; a decline takes it to the next rep, and what it came with is still there."""
    await ledger.apply([placed()], START)
    before = await kept(client, ledger)
    shuffled = dict(sorted(before.items(), reverse=True)) | {"parked": False, "overdue": False, "breached": False}
    await client.set(f"{ledger.prefix}lead:L1", orjson.dumps(shuffled))
    [declined] = await ledger.apply([Act("a1", "L1", "ana", "decline", START + 1)], START + 1)
    assert [fact["t"] for fact in orjson.loads(declined.facts)] == ["unassigned", "assigned", "notify"]
    after = await kept(client, ledger)
    moved = {"rep", "last_rep", "attempt", "tried", "tries", "assigned_at", "unheld_since"}
    assert {name for name in READ_BY_EARLIER_RELEASES if after[name] != before[name]} <= moved
    assert (after["rep"], after["attempt"]) == ("ben", 2)
    [touched] = await ledger.apply([Act("a2", "L1", "ben", "touch", START + 2)], START + 2)
    assert [fact["t"] for fact in orjson.loads(touched.facts)] == ["touched", "met"]
