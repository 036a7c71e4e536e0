"""Behaviour in Redis: a sorted set for each person and company, the newest thousand of each."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.adapters.redis.functions import library
from router.ports import Activity

KEPT = 1_000
KEEP = 400 * 86_400  # seconds since the last one; what is older has faded under any half-life in use


class RedisActivities:
    """Implements `router.ports.Activities` in one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"
        name, self._source = library()
        self._function = f"{name}_activities"

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember them in one round trip; an id that is known already changes nothing."""
        with asking():
            async with self._client.pipeline(transaction=False) as pipe:
                for one in activities:
                    key = f"{self._prefix}activity:{one.whose}"
                    pipe.zadd(key, {f"{one.activity_id}\x00{one.kind}": one.at}, nx=True)
                    pipe.zremrangebyrank(key, 0, -KEPT - 1)
                    pipe.expire(key, KEEP)
                await pipe.execute()

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, int]]]:
        """Return (kind, at in ms) of each, in one round trip."""
        for _ in range(2):
            try:
                with asking():
                    rows = await self._client.fcall_ro(self._function, 1, self._prefix, *whose)  # type: ignore[misc]  # redis types the waiting and the plain client as one
                break
            except ResponseError as exc:
                if "unction not found" not in str(exc):
                    raise
                with asking():
                    await self._client.function_load(self._source, replace=True)  # type: ignore[misc]  # as above
        return [
            [(row[i].decode().rpartition("\x00")[2], int(float(row[i + 1]))) for i in range(0, len(row), 2)]
            for row in rows
        ]
