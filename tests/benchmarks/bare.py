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

KAFKA, VALKEY, TOPIC = os.environ.get("BARE_KAFKA"), os.environ["BARE_VALKEY"], os.environ["BARE_TOPIC"]

app = FastAPI()
client = Redis.from_url(VALKEY)
producer: AIOKafkaProducer | None = None


@app.post("/v1/submissions")
async def submit(request: Request) -> JSONResponse:
    """Put the body onto the log and answer."""
    global producer  # noqa: PLW0603 - the least that does it
    body = await request.body()
    given = orjson.loads(body)
    if KAFKA is None:
        await client.xadd(TOPIC, {"v": body})
    else:
        if producer is None:
            producer = AIOKafkaProducer(bootstrap_servers=KAFKA, acks="all")
            await producer.start()
        await producer.send_and_wait(TOPIC, body, key=given["submission_id"].encode())
    return JSONResponse({"accepted": [{"submission_id": given["submission_id"], "duplicate": False}]}, 202)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
