"""A bare FastAPI handler that does one produce: what the gateway is measured beside."""

from __future__ import annotations

import os
import sys

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # ships no types
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from redis.asyncio import Redis


def bare(kafka: str | None, valkey: str, topic: str) -> FastAPI:
    """Return an app that puts each body onto the log, which is Kafka or a stream in Valkey, and answers."""
    app = FastAPI()
    client = Redis.from_url(valkey)
    producers: list[AIOKafkaProducer] = []

    @app.post("/v1/submissions")
    async def submit(request: Request) -> JSONResponse:
        body = await request.body()
        given = orjson.loads(body)
        if kafka is None:
            await client.xadd(topic, {"v": body})
        else:
            if not producers:
                producers.append(AIOKafkaProducer(bootstrap_servers=kafka, acks="all"))
                await producers[0].start()
            await producers[0].send_and_wait(topic, body, key=given["submission_id"].encode())
        return JSONResponse({"accepted": [{"submission_id": given["submission_id"], "duplicate": False}]}, 202)

    return app


if __name__ == "__main__":
    uvicorn.run(
        bare(os.environ.get("BARE_KAFKA"), os.environ["BARE_VALKEY"], os.environ["BARE_TOPIC"]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
    )
