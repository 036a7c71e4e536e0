"""Behaviour in Redis: a sorted set for each person and company, the newest thousand of each."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.functions import Functions
from router.ports import Activity

KEPT = 1_000
KEEP = 400 * 86_400  # seconds since the last one; what is older has faded under any half-life in use


class RedisActivities:
    """Implements `router.ports.Activities` in one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"
        self._functions = Functions(client)
        self._function = f"{self._functions.name}_activities"

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember them in one round trip; an id that is known already changes nothing."""
        with asking():
            async with self._client.pipeline(transaction=False) as pipe:
                for one in activities:
                    key = f"{self._prefix}activity:{one.whose}"
                    pipe.execute_command("ZADD", key, "NX", one.at, f"{one.activity_id}\x00{one.kind}")
                    pipe.execute_command("ZREMRANGEBYRANK", key, 0, -KEPT - 1)
                    pipe.execute_command("EXPIRE", key, KEEP)
                await pipe.execute()

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, int]]]:
        """Return (kind, at in ms) of each, in one round trip."""
        rows = await self._functions.call(self._function, self._prefix, *whose, reads_only=True)
        return [
            [(row[i].decode().rpartition("\x00")[2], int(float(row[i + 1]))) for i in range(0, len(row), 2)]
            for row in rows
        ]
