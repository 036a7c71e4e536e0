"""Members of a Kafka group come, go and crash, and nothing is skipped."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import faust
import pytest

from router.adapters.kafka import closing, faust_app
from router.adapters.kafka.connection import KafkaConnection
from router.ports import Outgoing, Received
from tests.logs import KafkaLog, Seen, consuming

ROUNDS = 4


@pytest.mark.kafka
@pytest.mark.slow
async def test_rebalances_skip_nothing(kafka: str, prefix: str) -> None:
    """While a second member joins and leaves, every record is handled, and at the end all of it is committed."""
    log = KafkaLog(kafka, prefix, partitions=6)
    await log.create("t")
    publisher, draw = log.publisher(), random.Random(7)  # noqa: S311 - a test's dice
    handled: Counter[bytes] = Counter()
    sent: list[bytes] = []
    grew = asyncio.Condition()

    async def handle(records: Sequence[Received]) -> None:
        await asyncio.sleep(draw.random() * 0.2)
        async with grew:
            handled.update(record.value or b"" for record in records)
            grew.notify_all()

    async def publish() -> None:
        while True:
            values = [b"%d" % number for number in range(len(sent), len(sent) + 30)]
            await publisher.publish([Outgoing("t", value, value) for value in values])
            sent.extend(values)
            await asyncio.sleep(0.05)

    async with consuming(log.member("stays"), {"t": handle}):
        publishing = asyncio.create_task(publish())
        for _ in range(ROUNDS):
            async with consuming(log.member("comes and goes"), {"t": handle}):
                await asyncio.sleep(1 + draw.random())
            await asyncio.sleep(draw.random())
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        async with asyncio.timeout(20), grew:
            await grew.wait_for(lambda: set(sent) <= handled.keys())
    await publisher.publish([Outgoing("t", b"last", b"last")])
    after = Seen.open()
    async with asyncio.timeout(20), consuming(log.member("after"), {"t": after}):
        await after.until(b"last")
    assert not {value for value in after.values if value in sent}
    await publisher.aclose()


@pytest.mark.kafka
async def test_a_crash_of_faust_ends_a_run_and_not_the_process(
    kafka: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the app crashes, consuming goes on with a new one, and what the old one leaves ends too."""
    apps = []
    build = faust_app._build_app

    def build_and_note(connection: KafkaConnection, group: str) -> faust.App:
        apps.append(build(connection, group))
        return apps[-1]

    monkeypatch.setattr(faust_app, "_build_app", build_and_note)
    log = KafkaLog(kafka, prefix)
    await log.create("t")
    publisher, seen = log.publisher(), Seen.open()
    async with asyncio.timeout(40), consuming(log.member("a"), {"t": seen}):
        await publisher.publish([Outgoing("t", b"k", b"before")])
        await seen.until(b"before")
        await apps[0].crash(RuntimeError("a test's"))
        await publisher.publish([Outgoing("t", b"k", b"after")])
        await seen.until(b"after")
    assert len(apps) == 2
    assert not [task for app in apps for task in asyncio.all_tasks() if closing._is_of(app, task)]
    await publisher.aclose()
