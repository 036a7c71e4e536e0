"""The bare job by quixstreams: a data frame over one topic; it takes one event after the other."""

from __future__ import annotations

from typing import Any

from quixstreams import Application
from redis import Redis

from tests.benchmarks.peers.job import READY, Job, given, result


def app_of(job: Job) -> Application:
    """Return the app."""
    app = Application(
        broker_address=job.kafka, consumer_group=job.group, auto_offset_reset="earliest", loglevel="ERROR"
    )
    redis, claim = Redis.from_url(job.redis), job.prepare()

    def assign(event: dict[str, Any]) -> dict[str, Any]:
        return result(event, redis.evalsha(claim, 2, *job.keys, event["submission_id"]))

    frame = app.dataframe(app.topic(job.source, value_deserializer="json")).apply(assign)
    for name in job.results:
        frame = frame.to_topic(app.topic(name, value_serializer="json"))
    return app


if __name__ == "__main__":
    app = app_of(given())
    print(READY, flush=True)
    app.run()
