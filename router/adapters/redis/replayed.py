"""
Which dead letters have been sent again, so that the next replay leaves them alone.

Noted when the log has the record, not before: a command that dies in between
sends it once more, under ids by which that changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.events.base import to_millis

REMEMBERED: Final = timedelta(days=31)
"""A day longer than a dead letter stays on its topic."""


class Replayed:
    """What one workspace has sent again. Every method raises `DependencyDown`."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._name = f"{{{workspace}}}:replayed"

    async def when(self, letters: Sequence[str]) -> Mapping[str, datetime]:
        """Return which of *letters* were sent again, and when last."""
        if not letters:
            return {}
        with asking():
            scores = await self._client.zmscore(self._name, list(letters))
        found = zip(letters, scores, strict=True)
        return {name: datetime.fromtimestamp(score / 1000, UTC) for name, score in found if score is not None}

    async def note(self, letters: Collection[str], now: datetime) -> None:
        """Remember that *letters* were sent again, and forget those that no topic has any more."""
        with asking():
            async with self._client.pipeline(transaction=True) as pipe:
                _ = pipe.zadd(self._name, dict.fromkeys(letters, to_millis(now)))
                _ = pipe.zremrangebyscore(self._name, "-inf", to_millis(now - REMEMBERED))
                _ = pipe.expire(self._name, REMEMBERED)
                await pipe.execute()
