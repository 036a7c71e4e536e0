"""
The floor: what this machine can do at all with Python, Kafka and Redis, without any router.

`python -m tests.benchmarks.floor drain` takes batches: parse, one pipelined claim
an event, two sends an event, commit after the flush. `answer` takes one event at a time:
parse, one claim, one send, commits in the background. Both run until they are killed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Sequence

import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord  # type: ignore[import-untyped]  # no types
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

BATCH = 500
REPS = 30

CLAIM = """\
-- Give one lead the rep who has the fewest. KEYS: owners (hash), load (zset). ARGV: lead. Returns the rep.
local held = redis.call("HGET", KEYS[1], ARGV[1])
if held then return held end
local rep = redis.call("ZRANGE", KEYS[2], 0, 0)[1]
redis.call("ZINCRBY", KEYS[2], 1, rep)
redis.call("HSET", KEYS[1], ARGV[1], rep)
return rep
"""


class Floor:
    """A bare loop over the topics and keys that start with *prefix*."""

    def __init__(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, redis: Redis, prefix: str) -> None:
        self._consumer = consumer
        self._producer = producer
        self._redis = redis
        self._claim: AsyncScript = redis.register_script(CLAIM)
        self._prefix = prefix
        self._keys = [f"{{{prefix}}}owners", f"{{{prefix}}}load"]

    async def prepare(self) -> None:
        """Seat the reps and load the script."""
        await self._redis.zadd(self._keys[1], {f"rep-{number:02}": 0 for number in range(REPS)})
        await self._redis.script_load(CLAIM)

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
                pipe.execute_command("EVALSHA", self._claim.sha, 2, *self._keys, event["submission_id"])
            reps = await pipe.execute()
        for event, rep in zip(events, reps, strict=True):
            _ = await self._send("floor-decisions", event, rep)
            _ = await self._send("floor-assignments", event, rep)
        await self._producer.flush()
        await self._consumer.commit()

    async def answer(self) -> None:
        """Take one event at a time for ever."""
        async for record in self._consumer:
            event = orjson.loads(record.value)
            rep = await self._redis.evalsha(self._claim.sha, 2, *self._keys, event["submission_id"])
            await (await self._send("floor-assignments", event, rep))

    async def _send(self, topic: str, event: dict[str, str], rep: bytes) -> Awaitable[object]:
        data = {"submission_id": event["submission_id"], "rep_id": rep.decode(), "at": time.time()}
        key = event["submission_id"].encode()
        delivery: Awaitable[object] = await self._producer.send(self._prefix + topic, orjson.dumps(data), key=key)
        return delivery


async def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of the loops until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=["drain", "answer"])
    for name in ("--kafka", "--redis", "--prefix"):
        parser.add_argument(name, required=True)
    given = parser.parse_args(arguments)
    one_by_one = given.how == "answer"
    consumer = AIOKafkaConsumer(
        f"{given.prefix}form-submissions",
        bootstrap_servers=given.kafka,
        group_id=f"{given.prefix}floor",
        enable_auto_commit=one_by_one,
        auto_offset_reset="latest" if one_by_one else "earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=given.kafka, linger_ms=0 if one_by_one else 5)
    async with consumer, producer, Redis.from_url(given.redis) as redis:
        floor = Floor(consumer, producer, redis, given.prefix)
        await floor.prepare()
        print("floor.ready", flush=True)
        await (floor.answer() if one_by_one else floor.drain())


if __name__ == "__main__":
    uvloop.run(main())
