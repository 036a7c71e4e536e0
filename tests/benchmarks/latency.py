"""From sending a form to seeing its assignment, by one program with nothing else to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types

from tests.benchmarks.load import submissions
from tests.benchmarks.peers import Peer, python
from tests.benchmarks.place import Place, Servers, new_place
from tests.benchmarks.throughput import RESULTS, WORKER

ARRIVES_WITHIN = 20.0
BARE = "bare loop"


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds from sending to seeing."""

    p50: float
    p99: float
    longest: float


async def latencies(servers: Servers, a_second: int, seconds: int, peers: Sequence[Peer]) -> Mapping[str, Delays]:
    """Return the delays of the worker, of a bare loop and of *peers* at the same load."""
    place = await new_place(servers)
    async with place.worker():
        found = {WORKER: await _measured(place, "lead-assignments", a_second, seconds)}
    place = await new_place(servers)
    async with place.program("floor", "floor", how="answer"):
        found[BARE] = await _measured(place, RESULTS, a_second, seconds)
    for peer in peers:
        place = await new_place(servers)
        async with place.program(f"peers.{peer.module}", "peer", python=python(), at_once=peer.at_once):
            found[peer.title] = await _measured(place, RESULTS, a_second, seconds)
    return found


async def _measured(place: Place, topic: str, a_second: int, seconds: int) -> Delays:
    await _delays(place, topic, a_second, 1, "warm")
    return await _delays(place, topic, a_second, seconds, "w")


async def _delays(place: Place, topic: str, a_second: int, seconds: int, name: str) -> Delays:
    """Send forms evenly over a time and measure each on its way."""
    count = a_second * seconds
    sent: dict[str, float] = {}
    consumer = AIOKafkaConsumer(
        place.prefix + topic,
        bootstrap_servers=place.servers.kafka,
        auto_offset_reset="latest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=place.servers.kafka)
    async with consumer, producer:
        await consumer.seek_to_end()
        watch = asyncio.create_task(_arrivals(consumer, sent, count))
        start = time.perf_counter()
        for number, record in enumerate(submissions(count, name)):
            await asyncio.sleep(max(0.0, start + number / a_second - time.perf_counter()))
            sent[f"{name}-{number}"] = time.perf_counter()
            await producer.send(place.prefix + "form-submissions", record.value, key=record.key)
        async with asyncio.timeout(ARRIVES_WITHIN):
            found = await watch
    return _summary(found)


async def _arrivals(consumer: AIOKafkaConsumer, sent: dict[str, float], count: int) -> Sequence[float]:
    found: dict[str, float] = {}
    async for record in consumer:
        now = time.perf_counter()
        submission_id = orjson.loads(record.value)["submission_id"]
        if submission_id in sent and submission_id not in found:
            found[submission_id] = (now - sent[submission_id]) * 1000
        if len(found) == count:
            break
    return list(found.values())


def _summary(delays: Sequence[float]) -> Delays:
    ordered = sorted(delays)
    return Delays(ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
