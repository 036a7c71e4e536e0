"""A worker is killed between changing the ledger and publishing it: what it had reserved is told, and runs out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Tick
from router.pipeline.rounds import sweep
from tests.fakes import MemoryPublisher
from tests.known_failures.overlap import opened, submission, team
from tests.known_failures.worker_that_dies import OFFER
from tests.unit.ledger_story import START

ROOT = Path(__file__).resolve().parents[2]
SWEPT_WITHIN = 5.0


def killed_in_the_middle(url: str, workspace: str) -> None:
    """Run a worker until it has changed the ledger, and kill it with SIGKILL before it publishes."""
    command = [sys.executable, "-m", "tests.known_failures.worker_that_dies", url, workspace]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"done\n"
        worker.kill()


async def test_a_reservation_does_not_outlive_a_crash(valkey: str, prefix: str) -> None:
    """What the dead worker had done is told once, by another; its offer runs out, the rep is free (freeswitch 2540)."""
    opened(valkey, prefix, *team(size=2, capacity=1))
    await asyncio.to_thread(killed_in_the_middle, valkey, prefix)

    log = MemoryPublisher()
    async with connect(valkey) as client:
        ledger = RedisLedger(client, prefix)
        again = await ledger.apply([submission("L1", OFFER)], START + 1)  # its input comes again: it was not committed
        assert [one.code for one in again] == ["repeat"]
        async with asyncio.timeout(SWEPT_WITHIN):
            while "lead.assigned.v1" not in log.types("lead-assignments"):
                await sweep(ledger, log, prefix)
                await asyncio.sleep(0.05)
        assert log.types("lead-decisions") == ["lead.decided.v1"]
        assert log.types("lead-assignments") == ["lead.assigned.v1"]
        assert [told["kind"] for told in log.on("rep-notifications")] == ["assigned"]
        assert list(await ledger.abandoned()) == []

        [ran_out] = await ledger.apply([Tick()], START + OFFER)
        moved = [(fact["t"], fact["rep"]) for fact in orjson.loads(ran_out.facts) if "seq" in fact]
        assert moved == [("unassigned", "rep0"), ("assigned", "rep1")]
        [following] = await ledger.apply([submission("L2")], START + OFFER + 1)
        assert [fact["rep"] for fact in orjson.loads(following.facts) if fact["t"] == "assigned"] == ["rep0"]
