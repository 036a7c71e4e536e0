"""A rebuild reads fast and restores what was written. Small and without a broker, so that it runs with every change."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import redis.asyncio as redis

from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.restoring import Restoring
from router.events.base import to_millis
from router.pipeline.read_back import INPUTS, Reader
from router.pipeline.restoration import restoration
from router.policy.load import load_policy
from tests.benchmarks.load import write_policy
from tests.benchmarks.rebuild import Past
from tests.fakes import MemoryTail

EVENTS = 20_000
MOST = 120e-6
"""Seconds of a core an event: six times what it took when this was written, and a million in two minutes."""
KEY = b"k" * 32


async def test_a_rebuild_reads_fast_and_restores_all(valkey: str, prefix: str, tmp_path: Path) -> None:
    """Twenty thousand events become the leads that they tell of, the open ones with their reps, in bounded time."""
    policy = load_policy(write_policy(tmp_path / "config", 100_000)).policy
    now = datetime.now(UTC)
    past = Past(policy, KEY, prefix, now)
    log = MemoryTail(past.events(EVENTS), now)
    async with redis.Redis.from_url(valkey) as client:
        began = time.process_time()
        done = {(topic, 0): len(log.topics[topic]) for topic in INPUTS if topic in log.topics}
        reader = Reader(log, done, RedisActivities(client, prefix), policy, KEY, to_millis(now))
        found = await reader.read()
        made = restoration(found, policy, KEY, now)
        restoring = Restoring(client, prefix, "test")
        async with restoring.lease() as mine:
            assert mine
            keep = to_millis(now) + 3_600_000
            ids = dict.fromkeys(found.decisions.ids, keep), dict.fromkeys(found.actions, keep)
            await restoring.restore(made.image, made.install, *ids, to_millis(now))
            await restoring.begin(made.image, "epoch")
        took = time.process_time() - began
        print(f"{took / found.counts.events * 1e6:.0f} us an event")

        assert found.counts.events > EVENTS * 0.9
        assert (found.counts.unreadable, found.again, found.line.missing()) == (0, [], [])
        assert len(made.image.ledger.leads) == past.open_leads > 0
        assert len(found.actions) == 2 * (past.leads - past.open_leads)
        assert await RedisLedger(client, prefix).sequence() == past.sequence
        assert await client.zcard(f"{{{prefix}}}:open") == past.open_leads
        assert took / found.counts.events < MOST
