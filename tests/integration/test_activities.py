"""What `router.ports.Activities` promises, in memory and in Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from router.adapters.redis.activities import KEPT, RedisActivities
from router.adapters.redis.connection import connect
from router.errors import DependencyDown
from router.ports import Activities, Activity
from tests.fakes import MemoryActivities
from tests.unit.ledger_story import START
from tests.valkey import ValkeyServer


@pytest.fixture(params=["memory", "redis"])
async def activities(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Activities]:
    """Give each of the two."""
    if request.param == "memory":
        yield MemoryActivities()
        return
    async with connect(request.getfixturevalue("valkey")) as client:
        yield RedisActivities(client, prefix)


async def test_what_was_noted_is_told_in_the_order_asked_for(activities: Activities) -> None:
    """Each person and company has its own; who did nothing has nothing."""
    await activities.note(
        [
            Activity("lead:1", "a", "page_view", START),
            Activity("domain:acme.example", "b", "intent_surge", START + 1),
            Activity("lead:1", "c", "page_view", START + 2),
        ]
    )
    assert [list(one) for one in await activities.of(["domain:acme.example", "lead:2", "lead:1"])] == [
        [("b", "intent_surge", START + 1)], [], [("a", "page_view", START), ("c", "page_view", START + 2)]
    ]  # fmt: skip


async def test_the_same_activity_counts_once(activities: Activities) -> None:
    """However often it comes, and whatever time a repeat claims."""
    for at in (START, START + 5_000):
        await activities.note([Activity("lead:1", "a", "webinar", at)])
    assert [list(one) for one in await activities.of(["lead:1"])] == [[("a", "webinar", START)]]


@pytest.mark.parametrize("at", [START - 5_000, START, START + 5_000])
async def test_an_id_counts_once_whatever_kind_a_repeat_claims(activities: Activities, at: int) -> None:
    """The first kind stays, in one batch and in two; of somebody else the same id is another activity."""
    first, other = Activity("lead:1", "a", "page_view", START), Activity("lead:1", "a", "intent_surge", at)
    await activities.note([first, other, Activity("lead:2", "a", "intent_surge", at)])
    await activities.note([other])
    assert [list(one) for one in await activities.of(["lead:1", "lead:2"])] == [
        [("a", "page_view", START)], [("a", "intent_surge", at)]
    ]  # fmt: skip


async def test_what_an_earlier_release_wrote_is_known(valkey: str, prefix: str) -> None:
    """Which kept an id once for each kind: both are told, the earlier first, and no repeat adds a third."""
    async with connect(valkey) as client:
        written = {b"a\x00intent_surge": START + 1, b"a\x00page_view": START}
        await client.zadd(f"{{{prefix}}}:activity:lead:1", written)
        activities = RedisActivities(client, prefix)
        await activities.note([Activity("lead:1", "a", "webinar", START)])
        [known] = await activities.of(["lead:1"])
    assert list(known) == [("a", "page_view", START), ("a", "intent_surge", START + 1)]


async def test_nobody_asked_for_is_no_answer(activities: Activities) -> None:
    """An empty question has an empty answer."""
    assert list(await activities.of([])) == []


async def test_the_newest_thousand_are_kept(valkey: str, prefix: str) -> None:
    """A robot that clicks all night does not fill the memory."""
    async with connect(valkey) as client:
        activities = RedisActivities(client, prefix)
        await activities.note([Activity("lead:1", f"a{n}", "page_view", START + n) for n in range(KEPT + 50)])
        [known] = await activities.of(["lead:1"])
    assert len(known) == KEPT
    assert known[0] == ("a50", "page_view", START + 50)


async def test_a_server_that_is_away_is_a_dependency_down(own_valkey: ValkeyServer, prefix: str) -> None:
    """And is noticed by both calls."""
    async with connect(own_valkey.url) as client:
        activities = RedisActivities(client, prefix)
        own_valkey.kill()
        with pytest.raises(DependencyDown):
            await activities.note([Activity("lead:1", "a", "page_view", START)])
        with pytest.raises(DependencyDown):
            await activities.of(["lead:1"])
