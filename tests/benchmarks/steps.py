"""
`python -m tests.benchmarks --steps`: what one lead costs at each step of the pipeline, in CPU time of this process.

The real steps over the load of the other measurements, on a real Valkey, in parts as a worker takes them; Kafka is left
out, and records are packed into batches that nobody sends. CPU time hardly hangs on what else a machine does, and the
least of some rounds hangs on it less. Not a test: nothing here passes or fails by a number.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop
from aiokafka.producer.message_accumulator import BatchBuilder  # type: ignore[import-untyped]  # ships no types
from redis.asyncio import Redis
from rich.console import Console
from rich.table import Table

from router.adapters.enrichment.dataset import DatasetEnricher
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.producer import BATCH_BYTES, KafkaPublisher
from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.bootstrap import CLOCK
from router.events.catalogue import catalogue
from router.pipeline import PIPELINE, bind
from router.pipeline.install import install
from router.pipeline.runner import PART
from router.pipeline.work import InForce, Work
from router.policy.directory import Directory
from router.ports import Outgoing, Received
from tests.benchmarks.load import ROOM, presences, submissions, write_policy
from tests.benchmarks.machine import machine
from tests.valkey import ValkeyServer

ROUNDS = 7
PARTS = 4
TOPIC = "form-submissions"
HEAD = ("step", "CPU µs a lead")
SERVER = "Valkey itself"

Costs = dict[str, float]


class Meter:
    """Adds up CPU time by name; what is measured inside something else does not count for that."""

    def __init__(self) -> None:
        self.spent: Costs = {}
        self._inside = [0.0]

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Count what is done in it for *name*."""
        self._inside.append(0.0)
        began = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - began
            inside = self._inside.pop()
            self._inside[-1] += took
            self.spent[name] = self.spent.get(name, 0.0) + took - inside


class Metered:
    """An object whose awaitable methods are counted, some of them under a name of their own."""

    def __init__(self, real: object, meter: Meter, names: Mapping[str, str]) -> None:
        self._real = real
        self._meter = meter
        self._names = names

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the real one has
        real: Callable[..., Awaitable[object]] = getattr(self._real, name)
        if name not in self._names:
            return real

        async def counted(*arguments: object) -> object:
            with self._meter.of(self._names[name]):
                return await real(*arguments)

        return counted


class Nobody:
    """Stands where aiokafka's producer does: makes real batches, and takes them for delivered."""

    def __init__(self) -> None:
        self._partitions = set(range(catalogue()[TOPIC].partitions))

    async def partitions_for(self, _: str) -> set[int]:
        """Return as many partitions as `topics/` says."""
        return self._partitions

    def create_batch(self) -> BatchBuilder:
        """Make an empty batch as aiokafka does."""
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(self, batch: BatchBuilder, _: str, *, partition: int) -> asyncio.Future[int]:
        """Build the batch and throw it away."""
        batch._build()
        delivered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        delivered.set_result(partition)
        return delivered


async def measure(folder: Path, rounds: int = ROUNDS, parts: int = PARTS) -> Costs:
    """Return the least CPU time a lead of each step over *rounds*, in µs; and of the server."""
    server = ValkeyServer(folder / "valkey")
    server.start()
    client = connect(server.url)
    try:
        ports = await _ports(client, write_policy(folder / "config", ROOM))
        found = [await _round(client, ports, number, parts) for number in range(rounds + 1)][1:]
    finally:
        await client.aclose()
        server.stop()
    return {name: min(one[name] for one in found) for name in found[0]}


async def _ports(client: Redis, config: Path) -> dict[str, object]:
    policy = Directory(config).load().policy
    ledger, in_force = RedisLedger(client, "steps"), InForce(policy)
    await ledger.begin("steps")
    await ledger.apply([install(policy, (), CLOCK.now())])
    publisher = KafkaPublisher(KafkaConnection("nobody:9092"), "steps-")
    publisher._producer = Nobody()
    ports: dict[str, object] = {
        "ledger": ledger,
        "in_force": in_force,
        "publisher": publisher,
        "activities": RedisActivities(client, "steps"),
        "enricher": DatasetEnricher(in_force),
        "identity_key": b"k" * 32,
        "clock": CLOCK,
        "workspace": "steps",
        "topic_prefix": "steps-",
        "signer": None,
    }
    works = [Work(_received(record)) for record in presences()]
    for step in PIPELINE["rep-presence"]:
        await bind(step, ports)(works)
    return ports


async def _round(client: Redis, ports: Mapping[str, object], number: int, parts: int) -> Costs:
    meter = Meter()
    metered = {
        **ports,
        "ledger": Metered(ports["ledger"], meter, {"apply": "ledger: call", "published": "ledger: taken out"}),
        "publisher": Metered(ports["publisher"], meter, {"publish": "log: pack"}),
    }
    steps = [(step.__name__, bind(step, metered)) for step in PIPELINE[TOPIC]]
    records = [_received(record) for record in submissions(PART * parts, f"steps{number}")]
    gc.collect()
    before = await _used(client)
    for start in range(0, len(records), PART):
        with meter.of("start"):
            works = [Work(record) for record in records[start : start + PART]]
        for name, step in steps:
            with meter.of(name):
                await step(works)
        if refused := [work.rejection for work in works if work.rejection is not None]:
            raise refused[0]
    spent = {**meter.spent, SERVER: await _used(client) - before}
    return {name: seconds / len(records) * 1e6 for name, seconds in spent.items()}


async def _used(client: Redis) -> float:
    info = await client.info("cpu")
    return float(info["used_cpu_user"] + info["used_cpu_sys"])


def _received(record: Outgoing) -> Received:
    return Received(record.topic, 0, 0, record.key, record.value, record.headers, datetime.now(UTC))


def run() -> Costs:
    """Measure in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="router-steps-", ignore_cleanup_errors=True) as folder:
        return uvloop.run(measure(Path(folder)))


def tell(costs: Costs, *, as_json: bool, as_markdown: bool) -> None:
    """Print the costs, as a table unless asked otherwise."""
    if as_json:
        print(orjson.dumps({"machine": machine(), "steps": costs}, option=orjson.OPT_INDENT_2).decode())
    elif as_markdown:
        lines = [HEAD, ("---", "---:"), *rows(costs)]
        print("\n".join(f"| {' | '.join(line)} |" for line in lines))
    else:
        table = Table(*HEAD)
        for row in rows(costs):
            table.add_row(*row)
        Console().print(machine(), table)


def rows(costs: Costs) -> Sequence[tuple[str, str]]:
    """Return the table's rows, with the sum of this process's."""
    mine = {name: micros for name, micros in costs.items() if name != SERVER}
    named = [*mine.items(), ("all of them", sum(mine.values())), (SERVER, costs[SERVER])]
    return [(name, f"{micros:,.1f}") for name, micros in named]
