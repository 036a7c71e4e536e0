"""One way to talk to Redis: bounded waits, no silent repeats, one kind of error."""

from __future__ import annotations

import re
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

_OF_A_PIPELINE = re.compile(r"^Command # .* of pipeline caused error: \W*", re.DOTALL)


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
        answer = _answer(exc)
        if answer.partition(" ")[0] in _NOT_NOW:
            message = f"Redis cannot serve now: {answer}"
            raise DependencyDown(message) from exc
        raise
    except RedisError as exc:
        message = f"Redis: {exc}"
        raise DependencyDown(message) from exc


def _answer(refusal: ResponseError) -> str:
    """
    Return what the server said, from its code on.

    Of codes that it has a class for, redis takes the code out of the message; in a pipeline it puts the command before
    it, with what it was given, which is nobody's business here.
    """
    said = str(refusal)
    if (of_a_pipeline := _OF_A_PIPELINE.match(said)) is not None:
        said = said[of_a_pipeline.end() :].rstrip("',\")")
    code = refusal.status_code or ""
    return said if said.startswith(code) else f"{code} {said}"
