"""Health and figures, for who watches over the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from router.entrypoints.gateway.door import door_of
from router.entrypoints.gateway.openapi import answers
from router.entrypoints.gateway.problems import RETRY_AFTER
from router.entrypoints.metrics.figures import TEXT

ANSWERS_WITHIN: Final = 2.0

routes = APIRouter(tags=["operations"])


@routes.get("/health/live", summary="The process runs", **answers("health", status=200, description="It runs."))
async def live() -> JSONResponse:
    """Say that the process answers; nothing else is looked at."""
    return JSONResponse({"status": "ok"})


_READY: Final = answers("ready", status=200, description="Log and Redis answer.")["responses"]


@routes.get(
    "/health/ready",
    summary="It can take events",
    responses={**_READY, 503: {**_READY[200], "description": "The log or Redis is away."}},
)
async def ready(request: Request) -> JSONResponse:
    """Say whether log and Redis answer: a load balancer sends calls elsewhere while they do not."""
    door = door_of(request)
    log, redis = await asyncio.gather(_answers(door.log.tail.last("rep-presence", 1)), _answers(door.redis.ping()))
    good = log and redis
    told = {"status": _word(good), "log": _word(log), "redis": _word(redis)}
    return JSONResponse(told, 200 if good else 503, None if good else {"Retry-After": str(RETRY_AFTER)})


@routes.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"description": "All of them.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Return the process's figures."""
    return Response(door_of(request).figures.text(), media_type=TEXT)


async def _answers(call: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            await call
    except Exception:  # noqa: BLE001 - whatever it is, it is not ready
        return False
    return True


def _word(good: bool) -> str:  # noqa: FBT001 - the one thing it is about
    return "ok" if good else "away"
