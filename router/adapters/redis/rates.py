"""How often somebody may call, counted in Redis for all gateways together."""

from __future__ import annotations

import math
import re
import time
from typing import Final

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis

from router.adapters.redis.connection import asking

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([smh])")
_WINDOW: Final = {"s": "second", "m": "minute", "h": "hour"}


def read_rate(text: str) -> RateLimitItem | None:
    """
    Return the limit that *text* says; None where it says none.

    >>> read_rate("10/s")
    10 per 1 second
    >>> read_rate("ten a second") is None
    True
    """
    match = _RATE.fullmatch(text)
    return None if match is None else parse(f"{match[1]}/{_WINDOW[match[2]]}")


class Rates:
    """Counts calls in one workspace, over a sliding window."""

    def __init__(self, client: Redis, workspace: str) -> None:
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=f"{{{workspace}}}:http:rate",
            connection_pool=client.connection_pool,  # type: ignore[arg-type]  # documented, and left out of its types
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    async def wait_for(self, rate: str, *who: str) -> int | None:
        """
        Count one call of *who*; return None, or where that is one too many, after how many seconds to come again.

        Raises `DependencyDown`.
        """
        limit = read_rate(rate)
        if limit is None:
            return None
        with asking():
            if await self._limiter.hit(limit, *who):
                return None
            window = await self._limiter.get_window_stats(limit, *who)
        return max(1, math.ceil(window.reset_time - time.time()))
