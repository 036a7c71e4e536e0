"""How a ledger looks from outside: how much waits and for how long, and how far ahead calendars are known."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
import structlog
from redis.asyncio import Redis

from router.adapters.redis.connection import connect
from router.adapters.redis.depths import depths
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Audience, Edge, Install
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.metrics.vitals import Vitals
from router.errors import DependencyDown
from tests.integration.test_ledger_behaviour import submission
from tests.unit.ledger_story import START, seat
from tests.valkey import ValkeyServer

HOUR = 3_600_000


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """Give a client as a worker has one."""
    async with connect(valkey) as client:
        yield client


def opening(now: int) -> Install:
    """Return a policy with one rep, who is not there, and two calendars."""
    calendars: dict[str, tuple[Edge, ...]] = {
        "long": (Edge(now, "open", midnight=True), Edge(now + 9 * HOUR, "outside_hours")),
        "short": (Edge(now, "open", midnight=True), Edge(now + 5 * HOUR, "outside_hours")),
    }
    audience = Audience("all", "all", "in_order", ("ana",))
    return Install(
        "v1", (seat("ana"),), {"all": ("ana",)}, calendars, 5, 2, None, 30_000, 10 * 365 * 24 * HOUR, (audience,)
    )


async def test_what_waits_is_seen_with_its_age(client: Redis, prefix: str) -> None:
    """Leads in the queue, entries of the outbox, timers that nobody fires, the calendar that ends first, memory."""
    nothing = await depths(client, prefix)
    assert (nothing.open, nothing.waiting_oldest, nothing.outbox_oldest, nothing.calendar_horizon) == (0, 0, 0, None)

    now = int(time.time() * 1000)
    ledger = RedisLedger(client, prefix)
    await ledger.begin("test")
    await ledger.apply([opening(now)], START)
    answers = await ledger.apply([submission(1), submission(2)], START + 1)
    seen = await depths(client, prefix)
    assert (seen.open, seen.waiting) == (2, 2)
    assert seen.waiting_oldest == pytest.approx((now - START) / 1000, rel=0.01)
    assert seen.outbox == len([one for one in answers if one.entry])
    assert 0 <= seen.outbox_oldest < 60
    assert seen.timers_overdue >= 2  # the breach of each is long over
    assert seen.calendar_horizon == pytest.approx(5 * 3600, abs=120)
    assert 0 < seen.memory < seen.memory_limit

    await ledger.published(answers)
    assert (await depths(client, prefix)).outbox_oldest == 0


async def test_a_redis_that_is_away_is_told_of_and_ends_nothing(own_valkey: ValkeyServer, prefix: str) -> None:
    """The figures stay what they were; only the ledger's own calls say that it is back."""
    outages = Outages(Figures("worker"))
    async with connect(own_valkey.url) as client:
        vitals = Vitals(Figures("worker"), outages, Progress(), redis=client, tail=None, source=None)  # type: ignore[arg-type]  # not looked at
        await vitals._look_at_ledger(prefix)
        assert outages.down == frozenset()
        own_valkey.kill()
        with structlog.testing.capture_logs():
            await vitals._look_at_ledger(prefix)
        assert outages.down == {"redis"}
        with pytest.raises(DependencyDown):
            await depths(client, prefix)
        own_valkey.start()
        await vitals._look_at_ledger(prefix)
        assert outages.down == {"redis"}
