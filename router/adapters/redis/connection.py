"""One way to talk to Redis: bounded waits, no silent repeats, one kind of error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from router.errors import DependencyDown

ANSWER_WITHIN = 5.0  # seconds; a server that hangs longer is taken for down

_NOT_NOW = frozenset(
    {"LOADING", "MASTERDOWN", "READONLY", "OOM", "MISCONF", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"}
)
"""Answers of a server that is up and cannot serve at the moment."""


def connect(url: str) -> Redis:
    """
    Return a client that never repeats a call by itself.

    A call whose answer was lost may have been applied; only the caller knows
    what must follow from that.
    """
    return Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=ANSWER_WITHIN,
        socket_connect_timeout=ANSWER_WITHIN,
        health_check_interval=0,
    )


@contextmanager
def asking() -> Iterator[None]:
    """Turn what a server that is down or busy does into `DependencyDown`; other errors of its go on as they are."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as exc:
        message = f"Redis does not answer: {exc}"
        raise DependencyDown(message) from exc
    except ResponseError as exc:
        if (code := _code(exc)) in _NOT_NOW:
            message = f"Redis cannot serve now: {code} {str(exc).removeprefix(code).lstrip()}"
            raise DependencyDown(message) from exc
        raise
    except RedisError as exc:
        message = f"Redis: {exc}"
        raise DependencyDown(message) from exc


def _code(refusal: ResponseError) -> str:
    """Return the first word of an answer; of codes that it has a class for, redis takes it out of the message."""
    return refusal.status_code or str(refusal).partition(" ")[0]
