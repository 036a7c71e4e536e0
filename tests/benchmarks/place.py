"""One place to measure in: topics of its own on the shared servers, a loaded backlog, and what is seen from outside."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above
from aiokafka.errors import GroupCoordinatorNotAvailableError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.admin import KafkaAdmin, TopicSpec
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.producer import KafkaPublisher
from router.events.catalogue import catalogue
from router.ports import Outgoing
from tests.benchmarks.load import ROOM, presences, write_policy
from tests.e2e.processes import WorkerProcess

LOOKS_EVERY = 0.02  # seconds
DRAINED_WITHIN = 120.0
READY_WITHIN = 20.0
FLOOR_TOPICS = ("floor-decisions", "floor-assignments")
SECRET = "a secret of at least thirty-two characters"  # noqa: S105 - of a trial


@dataclass(frozen=True, slots=True)
class Servers:
    """Where Kafka and Redis are, their process ids by name, and a folder for files."""

    kafka: str
    redis: str
    folder: Path
    pids: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Topics under one prefix, and a workspace of the same name."""

    servers: Servers
    prefix: str
    partitions: int

    async def write(self, records: Sequence[Outgoing]) -> None:
        """Write records to the topics."""
        publisher = KafkaPublisher(KafkaConnection(self.servers.kafka), self.prefix)
        try:
            for start in range(0, len(records), 2_000):
                await publisher.publish(records[start : start + 2_000])
        finally:
            await publisher.aclose()

    @asynccontextmanager
    async def worker(self, capacity: int = ROOM) -> AsyncIterator[WorkerProcess]:
        """Run one worker that knows every rep as available, and has nothing else to do yet."""
        await self.write(presences())
        environment = {
            "ROUTER_KAFKA": self.servers.kafka,
            "ROUTER_REDIS_URL": self.servers.redis,
            "ROUTER_CONFIG": str(write_policy(self.servers.folder / f"{self.prefix}config", capacity)),
            "ROUTER_SECRET": SECRET,
            "ROUTER_TOPIC_PREFIX": self.prefix,
            "ROUTER_WORKSPACE": self.prefix.strip("-"),
        }
        log = self.servers.folder / f"{self.prefix}worker.log"
        worker = await asyncio.to_thread(WorkerProcess, environment, log)
        try:
            await asyncio.to_thread(worker.wait_until_ready)
            await self._until_committed(f"router-{self.prefix.strip('-')}", "rep-presence", len(presences()))
            yield worker
        finally:
            await asyncio.to_thread(worker.stop)

    @asynccontextmanager
    async def floor(self, how: str) -> AsyncIterator[int]:
        """Run one bare loop and give its process id."""
        where = ("--kafka", self.servers.kafka, "--redis", self.servers.redis, "--prefix", self.prefix)
        command = (sys.executable, "-m", "tests.benchmarks.floor", how, *where)
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = await process.stdout.readline()
            if not line.startswith(b"floor.ready"):
                raise RuntimeError("the floor did not start; what it wrote stands above")
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def drained(self, topic: str, count: int) -> float:
        """Wait until *topic* has *count* records; return how many a second came from the first that was seen on."""
        partitions = self._partitions(topic)
        async with _consumer(self.servers.kafka) as consumer:
            first: tuple[float, int] | None = None
            deadline = time.monotonic() + DRAINED_WITHIN
            while True:
                there = sum((await consumer.end_offsets(partitions)).values())
                now = time.monotonic()
                if first is None and there:
                    first = now, there
                if first is not None and there >= count:
                    return (count - first[1]) / (now - first[0])
                if now > deadline:
                    raise TimeoutError(f"{topic} has {there} of {count} records after {DRAINED_WITHIN:.0f} s")
                await asyncio.sleep(LOOKS_EVERY)

    async def census(self) -> Counter[str]:
        """Count what the worker wrote by type; decisions by where they went to, each submission once."""
        counts: Counter[str] = Counter()
        partitions = [each for topic in _WRITTEN for each in self._partitions(topic)]
        seen = set()
        async with _consumer(self.servers.kafka) as consumer:
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            left = sum((await consumer.end_offsets(partitions)).values())
            while left:
                fetched = await consumer.getmany(timeout_ms=5_000)
                if not fetched:
                    raise TimeoutError(f"{left} records stand on the topics and do not come")
                for records in fetched.values():
                    left -= len(records)
                    for record in records:
                        kind = dict(record.headers)["ce_type"].decode()
                        counts[kind] += 1
                        if kind == "lead.decided.v1":
                            data = orjson.loads(record.value)
                            seen.add(data["submission_id"])
                            counts[f"to {data['to']}"] += 1
        counts["decided"] = len(seen)
        return counts

    async def _until_committed(self, group: str, topic: str, count: int) -> None:
        """Wait until a group has done with the first *count* records of a topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers.kafka)
        await admin.start()
        try:
            async with asyncio.timeout(READY_WITHIN):
                while True:
                    with suppress(GroupCoordinatorNotAvailableError):  # the first group of a new broker
                        offsets = await admin.list_consumer_group_offsets(group, partitions=self._partitions(topic))
                        if sum(max(0, each.offset) for each in offsets.values()) >= count:
                            return
                    await asyncio.sleep(LOOKS_EVERY)
        finally:
            await admin.close()

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(self.prefix + topic, number) for number in range(self.partitions)]


_WRITTEN = ("lead-decisions", "lead-assignments", "rep-notifications", "sla-events", "dead-letters")


async def new_place(servers: Servers) -> Place:
    """Make topics that nothing has been written to, with as many partitions as `topics/` says."""
    name = f"bench-{secrets.token_hex(4)}-"
    partitions = catalogue()["form-submissions"].partitions
    names = [*catalogue(), *FLOOR_TOPICS]
    admin = KafkaAdmin(KafkaConnection(servers.kafka))
    made = await admin.create([TopicSpec(name + topic, partitions, {}) for topic in names])
    async with asyncio.timeout(READY_WITHIN):
        while len(await admin.partitions(made)) < len(names):  # noqa: ASYNC110 - a broker sends no news of it
            await asyncio.sleep(LOOKS_EVERY)
    return Place(servers, name, partitions)


@contextmanager
def held(worker: WorkerProcess) -> Iterator[None]:
    """Hold a worker still, so that a backlog can form; for less than the broker's patience of six seconds."""
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


@asynccontextmanager
async def _consumer(kafka: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
