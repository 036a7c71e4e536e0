"""Signs of life of a workspace's workers, by what the log calls them: one hash, which each of them reads whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from redis.asyncio import Redis

from router.adapters.redis.connection import asking


class RedisSigns:
    """Implements `router.ports.Signs`."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._key = f"{{{workspace}}}:members"

    async def give(self, member: str | None, sign: str) -> Mapping[str, str]:
        """Leave *sign* for *member*, if it has joined, and return the signs of all."""
        with asking():
            pipe = self._client.pipeline(transaction=False)
            if member is not None:
                _ = pipe.hset(self._key, member, sign)
            _ = pipe.hgetall(self._key)
            *_, found = await pipe.execute()
        return {name.decode(): last.decode() for name, last in cast("dict[bytes, bytes]", found).items()}

    async def forget(self, member: str) -> None:
        """Remove what *member* left."""
        with asking():
            await self._client.hdel(self._key, member)
