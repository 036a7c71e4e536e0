"""What an HTTP source answered about companies, so that it is asked once: hits for a week, misses for a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, cast

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking

HIT_KEPT: Final = 7 * 86_400  # seconds
MISS_KEPT: Final = 86_400


class RedisCompanies:
    """Implements `router.adapters.enrichment.http.Cache` in one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:company:"

    async def known(self, source: str, domains: Collection[str]) -> Mapping[str, Mapping[str, object] | None]:
        """Return what is kept of each domain, None for a miss, in one round trip. Raises `DependencyDown`."""
        if not domains:
            return {}
        with asking():
            kept = await self._client.mget([self._key(source, domain) for domain in domains])
        answers = ((domain, _read(one)) for domain, one in zip(domains, kept, strict=True) if one is not None)
        return {domain: fields for domain, fields in answers if fields is None or isinstance(fields, dict)}

    async def keep(self, source: str, domain: str, fields: Mapping[str, object] | None) -> None:
        """Keep an answer. Raises `DependencyDown`."""
        with asking():
            await self._client.set(
                self._key(source, domain), orjson.dumps(fields), ex=MISS_KEPT if fields is None else HIT_KEPT
            )

    def _key(self, source: str, domain: str) -> str:
        return f"{self._prefix}{source}:{domain}"


def _read(kept: bytes | str) -> object:
    """Return what is kept; what another program left there is as good as nothing."""
    try:
        return cast("object", orjson.loads(kept))
    except orjson.JSONDecodeError:
        return ""
