"""
The floor: what this machine can do at all with Python, Kafka and Redis, without any router.

`--how drain` takes batches: parse, one pipelined claim an event, two sends an
event, commit after the flush. `--how answer` takes one event at a time: parse,
one claim, one send, commits in the background. Both run until they are killed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord  # type: ignore[import-untyped]  # no types
from redis.asyncio import Redis

from tests.benchmarks.peers.job import READY, Job, given, packed

BATCH = 500


class Floor:
    """A bare loop."""

    def __init__(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, redis: Redis, job: Job) -> None:
        self._consumer = consumer
        self._producer = producer
        self._redis = redis
        self._keys = job.keys
        self._decisions, self._assignments = job.results
        self._claim = job.prepare()

    async def drain(self) -> None:
        """Take batches for ever."""
        while True:
            fetched = await self._consumer.getmany(timeout_ms=1000, max_records=BATCH)
            records = [record for part in fetched.values() for record in part]
            if records:
                await self._batch(records)

    async def _batch(self, records: Sequence[ConsumerRecord]) -> None:
        events = [orjson.loads(record.value) for record in records]
        async with self._redis.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.execute_command("EVALSHA", self._claim, 2, *self._keys, event["submission_id"])
            reps = await pipe.execute()
        for event, rep in zip(events, reps, strict=True):
            _ = await self._send(self._decisions, event, rep)
            _ = await self._send(self._assignments, event, rep)
        await self._producer.flush()
        await self._consumer.commit()

    async def answer(self) -> None:
        """Take one event at a time for ever."""
        async for record in self._consumer:
            event = orjson.loads(record.value)
            rep = await self._redis.evalsha(self._claim, 2, *self._keys, event["submission_id"])
            await (await self._send(self._assignments, event, rep))

    async def _send(self, topic: str, event: dict[str, Any], rep: bytes) -> Awaitable[object]:
        key, value = packed(event, rep)
        delivery: Awaitable[object] = await self._producer.send(topic, value, key=key)
        return delivery


async def main() -> None:
    """Run one of the loops until killed."""
    job = given()
    one_by_one = job.how == "answer"
    consumer = AIOKafkaConsumer(
        job.source,
        bootstrap_servers=job.kafka,
        group_id=job.group,
        enable_auto_commit=one_by_one,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=job.kafka, linger_ms=0 if one_by_one else 5)
    async with consumer, producer, Redis.from_url(job.redis) as redis:
        floor = Floor(consumer, producer, redis, job)
        print(READY, flush=True)
        await (floor.answer() if one_by_one else floor.drain())


if __name__ == "__main__":
    uvloop.run(main())
