"""
Connections to the server that holds the streams, and patience with its outages.

Clients here never retry by themselves: what may be repeated is decided where
the command is given.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import redis.asyncio as redis
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from router.errors import DependencyDown

OUTAGE = (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError, redis.ReadOnlyError, OSError)
"""What a server that is away, restarting or failing over makes of a command."""

SHORTEST_WAIT, LONGEST_WAIT = 0.05, 1.0  # seconds between tries: back within a second of the server's return
ANSWERS_WITHIN = 10.0

_log = structlog.get_logger(__name__)
T = TypeVar("T")


def connect(url: str) -> redis.Redis:
    """Return a client for *url*; nothing is opened yet."""
    return redis.Redis.from_url(
        url,
        protocol=2,  # one shape of answers, with and without blocking
        socket_timeout=None,  # the callers bound whole round trips; a timer a reply costs a quarter of a batch
        socket_connect_timeout=ANSWERS_WITHIN,
        retry=Retry(NoBackoff(), 0),
    )


async def within(seconds: float, call: Callable[[], Awaitable[T]]) -> T:
    """Await *call*; raises `DependencyDown` when the server is away, refuses, or takes longer than *seconds*."""
    try:
        async with asyncio.timeout(seconds):
            return await call()
    except (redis.RedisError, OSError, TimeoutError) as error:
        raise DependencyDown(f"Redis, which holds the log, failed: {str(error) or type(error).__name__}.") from error


async def patiently(what: str, call: Callable[[], Awaitable[T]], *, seconds: float = ANSWERS_WITHIN) -> T:
    """Await *call*, for *seconds* each time, again and again while the server is away; it must be safe to repeat."""
    wait = SHORTEST_WAIT
    while True:
        try:
            async with asyncio.timeout(seconds):
                return await call()
        except OUTAGE as error:
            _log.warning("log_away", doing=what, problem=type(error).__name__)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, LONGEST_WAIT)
