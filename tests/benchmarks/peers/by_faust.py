"""The bare job by Faust: an agent that takes one event after the other, or several at once."""

from __future__ import annotations

import logging
import sys
from typing import Any

import faust
from redis.asyncio import Redis

from tests.benchmarks.peers.job import READY, Job, given, result


def app_of(job: Job) -> faust.App:
    """Return the app."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.kafka}",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    source = app.topic(job.source, value_serializer="json")
    decisions, assignments = (app.topic(name, value_serializer="json") for name in job.results)
    redis, claim = Redis.from_url(job.redis), job.prepare()

    async def assign(events: faust.StreamT[dict[str, Any]]) -> None:
        async for event in events:
            rep = await redis.evalsha(claim, 2, *job.keys, event["submission_id"])
            data = result(event, rep)
            _ = await decisions.send(key=data["submission_id"], value=data)
            _ = await assignments.send(key=data["submission_id"], value=data)

    async def ready() -> None:
        print(READY, flush=True)

    app.agent(source, concurrency=job.at_once)(assign)
    app.task(ready)
    return app


if __name__ == "__main__":
    app = app_of(given())
    sys.argv[1:] = []
    for name in ("aiokafka", "faust", "mode"):  # by default they log every record at a level below, which costs a tenth
        logging.getLogger(name).setLevel(logging.ERROR)
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()
