"""The bare job by FastStream: a subscriber that takes one event after the other, or several at once."""

from __future__ import annotations

from typing import Any

import uvloop
from faststream import FastStream
from faststream.kafka import KafkaBroker
from redis.asyncio import Redis

from tests.benchmarks.peers.job import READY, Job, given, result


def app_of(job: Job) -> FastStream:
    """Return the app."""
    broker = KafkaBroker(job.kafka, logger=None)
    redis, claim = Redis.from_url(job.redis), job.prepare()
    decisions, assignments = job.results

    async def assign(event: dict[str, Any]) -> None:
        rep = await redis.evalsha(claim, 2, *job.keys, event["submission_id"])
        data, key = result(event, rep), event["submission_id"].encode()
        await broker.publish(data, topic=decisions, key=key)
        await broker.publish(data, topic=assignments, key=key)

    async def ready() -> None:
        print(READY, flush=True)

    broker.subscriber(job.source, group_id=job.group, auto_offset_reset="earliest", max_workers=job.at_once)(assign)
    app = FastStream(broker, logger=None)
    app.after_startup(ready)
    return app


if __name__ == "__main__":
    uvloop.run(app_of(given()).run())
