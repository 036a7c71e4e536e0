"""
What the gateway remembers of what it took: ids of submissions, and answers by `Idempotency-Key`.

Both are for courtesy to clients. That nothing is done twice is the ledger's
concern, which knows every `submission_id`; so what is forgotten here, or lost
with an outage, does no harm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.events.base import to_millis

IDS_KEPT: Final = 200_000
IDS_KEPT_MS: Final = 8 * 86_400_000
"""As long as the ledger keeps them by default: `max_age` and a day."""

ANSWERS_KEPT_MS: Final = 86_400_000
WORK_KEPT_MS: Final = 30_000
"""After that, a request that began and whose process is gone may be sent anew."""


class SeenIds:
    """The ids of the newest submissions that the log has, of one workspace; at most `IDS_KEPT`."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._name = f"{{{workspace}}}:http:seen"

    async def known(self, ids: Sequence[str]) -> Collection[str]:
        """Return which of *ids* are remembered. Raises `DependencyDown`."""
        if not ids:
            return ()
        with asking():
            scores = await self._client.zmscore(self._name, [_short(one) for one in ids])
        return {one for one, score in zip(ids, scores, strict=True) if score is not None}

    async def note(self, ids: Collection[str], now: datetime) -> None:
        """Remember *ids*, and forget the oldest where there are too many. Raises `DependencyDown`."""
        moment = to_millis(now)
        with asking():
            async with self._client.pipeline(transaction=False) as pipe:
                _ = pipe.zadd(self._name, {_short(one): moment for one in ids})
                _ = pipe.zremrangebyrank(self._name, 0, -IDS_KEPT - 1)
                _ = pipe.zremrangebyscore(self._name, "-inf", moment - IDS_KEPT_MS)
                await pipe.execute()


@dataclass(frozen=True, slots=True)
class Given:
    """What is known under an `Idempotency-Key`: of which body, and what was answered; None while it is in work."""

    body: str
    answer: object


class GivenAnswers:
    """The answers of the last day by key, of one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:http:answer:"

    async def begin(self, name: str, body: str) -> Given | None:
        """Take the key *name* for a request with *body*; where it is taken, return by what. Raises `DependencyDown`."""
        mine = orjson.dumps({"body": body, "answer": None})
        with asking():
            there = await self._client.set(self._prefix + name, mine, nx=True, get=True, px=WORK_KEPT_MS)
        return None if there is None else Given(**orjson.loads(cast("bytes", there)))

    async def give(self, name: str, body: str, answer: object) -> None:
        """Keep what was answered. Raises `DependencyDown`."""
        with asking():
            await self._client.set(
                self._prefix + name, orjson.dumps({"body": body, "answer": answer}), px=ANSWERS_KEPT_MS
            )

    async def drop(self, name: str) -> None:
        """Let the key go: nothing came of the request. Raises `DependencyDown`."""
        with asking():
            await self._client.delete(self._prefix + name)


def _short(identifier: str) -> str:
    return hashlib.blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
