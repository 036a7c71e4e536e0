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
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]  # as above
from aiokafka.errors import GroupCoordinatorNotAvailableError  # type: ignore[import-untyped]  # as above
from redis.asyncio import Redis

from router.adapters.kafka.admin import KafkaAdmin, TopicSpec
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.producer import KafkaPublisher
from router.events.catalogue import catalogue
from router.ports import Outgoing
from tests.benchmarks.load import ROOM, presences, write_policy
from tests.benchmarks.peers.job import READY, owners
from tests.e2e.processes import WorkerProcess

LOOKS_EVERY = 0.02  # seconds
DRAINED_WITHIN = 120.0
READY_WITHIN = 60.0
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
class Drained:
    """How many records a second came, and how many in all."""

    rate: float
    count: int


@dataclass(slots=True)
class Census:
    """
    What workers wrote: facts by type, and decisions by where they went to (`to sales`).

    `decisions` counts the records of decisions, repeats too.
    """

    counts: Counter[str] = field(default_factory=Counter)
    decisions: int = 0
    _seen: set[bytes] = field(default_factory=set)
    _times: list[int] = field(default_factory=list)

    def add(self, record: ConsumerRecord) -> None:
        """Count a record, where it is not a repeat."""
        headers = dict(record.headers)
        kind, is_decision = headers["ce_type"].decode(), headers["ce_type"] == b"lead.decided.v1"
        self.decisions += is_decision
        if headers["ce_id"] in self._seen:
            return
        self._seen.add(headers["ce_id"])
        self.counts[kind] += 1
        if is_decision:
            self.counts[f"to {orjson.loads(record.value)['to']}"] += 1
            self._times.append(record.timestamp)

    @property
    def rate(self) -> float:
        """Decisions a second, by when they were published first."""
        return len(self._times) / max(max(self._times) - min(self._times), 1) * 1000


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
        async with self.workers(1, capacity) as [worker]:
            yield worker

    @asynccontextmanager
    async def workers(self, count: int, capacity: int = ROOM) -> AsyncIterator[Sequence[WorkerProcess]]:
        """Run some workers that share the partitions."""
        await self.write(presences())
        environment = {
            "ROUTER_KAFKA": self.servers.kafka,
            "ROUTER_REDIS_URL": self.servers.redis,
            "ROUTER_CONFIG": str(write_policy(self.servers.folder / f"{self.prefix}config", capacity)),
            "ROUTER_SECRET": SECRET,
            "ROUTER_TOPIC_PREFIX": self.prefix,
            "ROUTER_WORKSPACE": self.prefix.strip("-"),
        }
        group = f"router-{self.prefix.strip('-')}"
        started: list[WorkerProcess] = []
        try:
            for number in range(count):
                log = self.servers.folder / f"{self.prefix}worker-{number}.log"
                started.append(await asyncio.to_thread(WorkerProcess, environment, log))
                await asyncio.to_thread(started[-1].wait_until_ready)
            await self._until_shared(group, count)
            await self._until_committed(group, "rep-presence", len(presences()))
            yield started
        finally:
            for worker in started:
                await asyncio.to_thread(worker.stop)

    @asynccontextmanager
    async def program(
        self, module: str, name: str, *, python: str = sys.executable, how: str = "drain", at_once: int = 1
    ) -> AsyncIterator[int]:
        """Run one program that does the bare job, and give its process id."""
        options = {"kafka": self.servers.kafka, "redis": self.servers.redis, "prefix": self.prefix, "name": name}
        options |= {"how": how, "at-once": str(at_once)}
        module = f"tests.benchmarks.{module}"
        command = [python, "-W", "ignore", "-m", module, *(f"--{key}={value}" for key, value in options.items())]
        errors = self.servers.folder / f"{self.prefix}{name}.log"
        with errors.open("wb") as file:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=file)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN):
                while not (line := await process.stdout.readline()).startswith(READY.encode()):
                    if not line:
                        raise RuntimeError(f"{name} did not start: {errors.read_text(errors='replace')[-2_000:]}")
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def drained(self, topic: str, count: int, *, base: int = 0, at_most: float = DRAINED_WITHIN) -> Drained:
        """
        Watch *count* records come to *topic*, beyond the *base* that it had; return how fast they came.

        Counted is from the first that was seen on. Who needs longer than *at_most* seconds is stopped there.
        """
        partitions = self._partitions(topic)
        async with _consumer(self.servers.kafka) as consumer:
            first: tuple[float, int] | None = None
            deadline = time.monotonic() + DRAINED_WITHIN
            while True:
                there = sum((await consumer.end_offsets(partitions)).values()) - base
                now = time.monotonic()
                if first is None and there:
                    first = now, there
                if first is not None and (there >= count or now > first[0] + at_most):
                    return Drained((there - first[1]) / max(now - first[0], LOOKS_EVERY), there)
                if now > deadline:
                    raise TimeoutError(f"{topic} has {there} of {count} records after {DRAINED_WITHIN:.0f} s")
                await asyncio.sleep(LOOKS_EVERY)

    async def count(self, topic: str) -> int:
        """Return how many records a topic has."""
        async with _consumer(self.servers.kafka) as consumer:
            return sum((await consumer.end_offsets(self._partitions(topic))).values())

    async def claimed(self, name: str) -> int:
        """Return how many leads a program has claimed."""
        async with Redis.from_url(self.servers.redis) as client:
            return await client.hlen(owners(self.prefix, name))

    async def census(self) -> Census:
        """Count what the workers wrote, each fact once, however often it was published."""
        census = Census()
        partitions = [each for topic in _WRITTEN for each in self._partitions(topic)]
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
                        census.add(record)
        return census

    async def _until_shared(self, group: str, count: int) -> None:
        """Wait until a group has so many members, and all its partitions are dealt out."""
        async with self._admin() as admin, asyncio.timeout(READY_WITHIN):
            while True:
                with suppress(GroupCoordinatorNotAvailableError):  # the first group of a new broker
                    [answer] = await admin.describe_consumer_groups([group])
                    if any(state == "Stable" and len(of) == count for _, _, state, _, _, of, *_ in answer.groups):
                        return
                await asyncio.sleep(LOOKS_EVERY)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers.kafka)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def _until_committed(self, group: str, topic: str, count: int) -> None:
        """Wait until a group has done with the first *count* records of a topic."""
        async with self._admin() as admin, asyncio.timeout(READY_WITHIN):
            while True:
                with suppress(GroupCoordinatorNotAvailableError):  # as above
                    offsets = await admin.list_consumer_group_offsets(group, partitions=self._partitions(topic))
                    if sum(max(0, each.offset) for each in offsets.values()) >= count:
                        return
                await asyncio.sleep(LOOKS_EVERY)

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
    place = Place(servers, name, partitions)
    for topic in names:
        await place.count(
            topic
        )  # answered by the leader of each partition: a new one takes its time to know that it is
    return place


@contextmanager
def held(*workers: WorkerProcess) -> Iterator[None]:
    """Hold workers still, so that a backlog can form; for less than the broker's patience of six seconds."""
    for worker in workers:
        os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker.pid, signal.SIGCONT)


@asynccontextmanager
async def _consumer(kafka: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
