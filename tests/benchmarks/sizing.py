"""
What a deployment needs: memory of Redis, bytes on Kafka, memory and processor time of a worker, for each lead.

Run it as `python -m tests.benchmarks.sizing [LEADS]`. It starts servers of its own, lets one worker take the leads from
form to rep, closes them all, and looks at the servers before and after. docs/sizing.md has what it printed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from redis.asyncio import Redis

from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.consumer import KafkaTail
from router.bootstrap import CLOCK
from router.events.base import rfc3339
from router.ports import Outgoing
from tests.benchmarks.load import REPS, submissions
from tests.benchmarks.machine import machine
from tests.benchmarks.place import Place, Servers, new_place
from tests.e2e.processes import WorkerProcess
from tests.kafka.server import KafkaServer
from tests.valkey import ValkeyServer

LEADS = 5_000
TICKS = os.sysconf("SC_CLK_TCK")
WRITTEN = ("form-submissions", "lead-decisions", "lead-assignments", "sla-events", "rep-notifications")


@dataclass(frozen=True, slots=True)
class Spent:
    """What Redis and the worker have used at an instant; memory in bytes, time of the processor in seconds."""

    redis: int
    redis_cpu: float
    worker: int
    worker_cpu: float


async def spent(redis: Redis, worker: WorkerProcess) -> Spent:
    """Look at both."""
    info = await redis.info()
    process = Path("/proc") / str(worker._process.pid)
    times = (process / "stat").read_text().rpartition(")")[2].split()
    resident = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS"))
    return Spent(
        redis=info["used_memory"],
        redis_cpu=info["used_cpu_user"] + info["used_cpu_sys"],
        worker=int(resident.split()[1]) * 1024,
        worker_cpu=(int(times[11]) + int(times[12])) / TICKS,
    )


async def leads_of(place: Place) -> Sequence[str]:
    """Return the ids of all leads that were assigned."""
    tail = KafkaTail(KafkaConnection(place.servers.kafka), place.prefix, CLOCK.now)
    found = {orjson.loads(one.value or b"{}")["lead_id"] async for one in tail.read(["lead-assignments"], follow=False)}
    return sorted(found)


def closing(leads: Sequence[str]) -> Sequence[Outgoing]:
    """Return an outcome that closes each of *leads*."""
    now = rfc3339(CLOCK.now())
    return [
        Outgoing(
            "lead-outcomes",
            lead.encode(),
            orjson.dumps({"outcome_id": f"o-{lead}", "lead_id": lead, "outcome": "won", "at": now}),
        )
        for lead in leads
    ]


async def usual(redis: Redis, pattern: str, most: int = 500) -> float:
    """Return the bytes that a key of *pattern* takes, as the mean of some hundred."""
    sizes: list[int] = []
    async for key in redis.scan_iter(match=pattern, count=1_000):
        sizes.append(await redis.memory_usage(key) or 0)
        if len(sizes) == most:
            break
    return sum(sizes) / len(sizes)


async def per_rep(redis: Redis) -> float:
    """Return the bytes that a rep's own keys take, of reps that hold nothing."""
    keys = [key for pattern in ("*:rep:*", "*:auds:*") async for key in redis.scan_iter(match=pattern)]
    return sum([await redis.memory_usage(key) or 0 for key in keys]) / REPS


def on_disk(folder: Path, place: Place, leads: int) -> Mapping[str, float]:
    """Return the bytes that the broker keeps of each topic, for each lead."""
    logs = folder / "logs"
    return {
        topic: sum(file.stat().st_size for file in logs.glob(f"{place.prefix}{topic}-*/*.log")) / leads
        for topic in WRITTEN
    }


async def measure(place: Place, broker: Path, leads: int) -> Mapping[str, str]:
    """Take *leads* through one worker, and return the figures in words."""
    async with Redis.from_url(place.servers.redis) as redis, place.worker() as worker:
        begun, rep = await spent(redis, worker), await per_rep(redis)
        await place.write(list(submissions(leads)))
        await place.drained("lead-decisions", leads)
        await asyncio.sleep(2)  # for the worker to take out of the outbox what it has published
        opened = await spent(redis, worker)
        ids = await leads_of(place)
        await place.write(closing(ids))
        await place.drained("sla-events", len(ids))
        await asyncio.sleep(2)
        closed = await spent(redis, worker)
        card = await usual(redis, "*:card:*")
    disk = on_disk(broker, place, leads)
    in_thousands = leads / 1000
    return {
        "Redis, for each open lead": kilobytes((opened.redis - begun.redis) / leads),
        "Redis, for each closed lead, contact details kept": kilobytes((closed.redis - begun.redis) / leads),
        "Redis, of that the contact details": kilobytes(card),
        "Redis, for each rep": kilobytes(rep),
        "Redis, processor, for 1,000 leads": f"{(opened.redis_cpu - begun.redis_cpu) / in_thousands:.2f} s",
        "worker, processor, for 1,000 leads": f"{(opened.worker_cpu - begun.worker_cpu) / in_thousands:.2f} s",
        "worker, memory, before the first lead": f"{begun.worker / 1e6:.0f} MB",
        "worker, memory, after the backlog": f"{opened.worker / 1e6:.0f} MB",
        **{f"Kafka, `{topic}`, for each lead, one replica": kilobytes(size) for topic, size in disk.items()},
    }


def kilobytes(size: float) -> str:
    """Return a size in words."""
    return f"{size / 1000:.1f} KB"


def main(leads: int) -> None:
    """Start servers, measure, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, valkey = KafkaServer(folder / "kafka"), ValkeyServer(folder / "valkey")
        broker.start()
        valkey.start()
        try:
            servers = Servers(broker.address, valkey.url, folder, {})

            async def run() -> Mapping[str, str]:
                return await measure(await new_place(servers), folder / "kafka", leads)

            figures = asyncio.run(run())
        finally:
            valkey.stop()
            broker.stop()
    print(f"{leads:,} leads, {REPS} reps, one worker; {machine()}\n")
    for what, figure in figures.items():
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LEADS)
