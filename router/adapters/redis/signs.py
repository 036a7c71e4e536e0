"""Signs of life of a workspace's workers, by what the log calls them: one hash, which each of them reads whole."""

from __future__ import annotations

from collections.abc import Mapping

from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.visitors import at_once


class RedisSigns:
    """Implements `router.ports.Signs`."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._key = f"{{{workspace}}}:members"

    async def give(self, member: str | None, sign: str) -> Mapping[str, str]:
        """Leave *sign* for *member*, if it has joined, and return the signs of all."""
        own = [] if member is None else [("HSET", self._key, member, sign)]
        with asking():
            *_, found = await at_once(self._client, *own, ("HGETALL", self._key))
        return {name.decode(): last.decode() for name, last in found.items()}

    async def forget(self, member: str) -> None:
        """Remove what *member* left."""
        with asking():
            await self._client.hdel(self._key, member)
