"""What Redis refuses for the moment is waited for; what it refuses for good is not."""

from __future__ import annotations

import pytest
from redis._parsers.base import BaseParser  # what turns an answer into an exception, for every client
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.errors import DependencyDown

NOT_NOW = (
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down",
    "READONLY You can't write against a read only replica.",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "BUSY Redis is busy running a script.",
    "CLUSTERDOWN The cluster is down",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOREPLICAS Not enough good replicas to write.",
)


@pytest.mark.parametrize("answer", NOT_NOW, ids=lambda answer: answer.partition(" ")[0])
def test_what_is_refused_for_the_moment_is_an_outage(answer: str) -> None:
    """A server that is full, read-only or busy is down for now, as a worker sees it, and its own words are told."""
    with pytest.raises(DependencyDown) as told, asking():
        raise BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]  # redis leaves it so
    assert answer.partition(" ")[2] in str(told.value)


@pytest.mark.parametrize("answer", NOT_NOW[1:], ids=lambda answer: answer.partition(" ")[0])
def test_so_it_is_in_a_pipeline(answer: str) -> None:
    """There the client writes the command before the answer; what it was given is not told any further."""
    refusal = BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]  # as above
    Redis().pipeline().annotate_exception(refusal, 1, ("HSET", "kim@example.com", "of pipeline caused error: x"))
    with pytest.raises(DependencyDown) as told, asking():
        raise refusal
    assert str(told.value) == f"Redis cannot serve now: {answer}"


@pytest.mark.parametrize("answer", ["WRONGTYPE Operation against a key", "NOPERM this user has no permissions"])
def test_what_is_refused_for_good_stays_an_error(answer: str) -> None:
    """It will not come by itself: to wait would hide it."""
    with pytest.raises(ResponseError), asking():
        raise BaseParser.parse_error(answer)  # type: ignore[no-untyped-call]  # redis leaves it so
