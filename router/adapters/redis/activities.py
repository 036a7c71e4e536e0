"""Behaviour in Redis: a sorted set for each person and company, the newest thousand of each."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

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

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember them in one round trip; an id that is known already changes nothing."""
        told = (part for one in activities for part in (one.whose, one.activity_id, one.kind, str(one.at)))
        await self._functions.call(f"{self._functions.name}_note", self._prefix, str(KEPT), str(KEEP), *told)

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        """Return (id, kind, at in ms) of each, the oldest first, in one round trip."""
        function = f"{self._functions.name}_activities"
        rows = await self._functions.call(function, self._prefix, *whose, reads_only=True)
        return [[_read(row[i], row[i + 1]) for i in range(0, len(row), 2)] for row in rows]


def _read(member: bytes, score: bytes) -> tuple[str, str, int]:
    activity_id, _, kind = member.decode().rpartition("\x00")
    return activity_id, kind, int(float(score))
