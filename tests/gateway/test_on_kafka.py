"""The gateway on a real Kafka: events arrive, the stream tells of them, and a broker that dies is outlived."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import orjson
import pytest
from pydantic import SecretStr

from router.bootstrap import log_of
from router.settings import Settings
from tests.gateway.test_process import environment, router, started
from tests.gateway.test_submissions import LEAD
from tests.kafka.server import KafkaServer

SECRET = "a secret of at least thirty-two characters"  # noqa: S105 - made up


async def submissions(address: str, prefix: str) -> list[str]:
    """Return the ids of all submissions in the log."""
    settings = Settings.model_construct(kafka=address, topic_prefix=prefix, secret=SecretStr(SECRET))
    settings = settings.model_copy(update={"redis_url": "redis://localhost"})
    async with log_of(settings) as log:
        records = [one async for one in log.tail.read(["form-submissions"], follow=False)]
    return [orjson.loads(record.value or b"")["submission_id"] for record in records]


@pytest.mark.kafka
def test_a_broker_that_dies_is_outlived(own_kafka: KafkaServer, valkey: str, prefix: str, tmp_path: Path) -> None:
    """202 with the broker there, 503 soon after it is killed, 202 when it is back; what was accepted is in the log."""
    settings = environment(
        tmp_path,
        ROUTER_KAFKA=own_kafka.address,
        ROUTER_REDIS_URL=valkey,
        ROUTER_WORKSPACE=prefix,
        ROUTER_TOPIC_PREFIX=prefix,
        ROUTER_SECRET=SECRET,
    )
    assert router("topics", "create", settings=settings).returncode == 0
    with started("gateway", settings) as (_, address), httpx.Client(base_url=address, timeout=30) as client:
        key = json.loads(router("keys", "create", "all", "--scope", "admin", "--json", settings=settings).stdout)["key"]
        client.headers["Authorization"] = f"Bearer {key}"
        with client.stream("GET", "/v1/events") as stream:
            lines = stream.iter_lines()
            begin = next(lines).removeprefix("id: ")
        assert client.post("/v1/submissions", json=LEAD).status_code == 202
        assert client.post("/v1/reps/ana/presence", json={"status": "busy"}).status_code == 202
        with client.stream("GET", "/v1/events", headers={"Last-Event-ID": begin}) as stream:
            assert next(line for line in stream.iter_lines() if line.startswith("event:")) == "event: rep.presence.v1"
        assert client.get("/health/ready").status_code == 200

        own_kafka.kill()
        began = time.monotonic()
        lost = client.post("/v1/submissions", json={**LEAD, "submission_id": "s-2"})
        assert (lost.status_code, lost.headers["retry-after"]) == (503, "1")
        assert time.monotonic() - began < 8
        assert client.get("/health/ready").json()["log"] == "away"

        own_kafka.start()
        deadline = time.monotonic() + 60
        while (status := client.post("/v1/submissions", json={**LEAD, "submission_id": "s-3"}).status_code) == 503:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert status == 202
    logged = asyncio.run(submissions(own_kafka.address, prefix))
    assert {"s-1", "s-3"} <= set(logged)
