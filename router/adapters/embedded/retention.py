"""Trims the streams by their topics' retention, never past what some group has not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import cast

import redis.asyncio as redis
import structlog

from router.adapters.embedded.connection import OUTAGE, connect
from router.adapters.embedded.entries import WRITTEN_AT, Fields, Stamp, entry_id, offset_of, stream_key

PAGE = 1000
ENDLESS = 1 << 62

_log = structlog.get_logger(__name__)


class StreamRetention:
    """Removes records older than *retention* says; topics that it does not name are kept."""

    def __init__(self, url: str, prefix: str, retention: Mapping[str, timedelta], now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._retention = retention
        self._now = now

    async def run(self, every: float = 60.0) -> None:
        """Trim all topics every *every* seconds until cancelled; an outage only delays it."""
        try:
            while True:
                for topic in self._retention:
                    try:
                        await self.trim(topic)
                    except OUTAGE as error:
                        _log.warning("log_away", doing=f"trim {topic}", problem=type(error).__name__)
                await asyncio.sleep(every)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def trim(self, topic: str) -> int:
        """Remove what is too old of *topic* and acknowledged by every group; return how many records went."""
        key = stream_key(self._prefix, topic)
        oldest_ms = int((self._now() - self._retention[topic]).timestamp() * 1000)
        keep_from = min(await self._first_young(key, oldest_ms), await self._first_needed(key))
        removed = await self._client.xtrim(key, minid=entry_id(keep_from), approximate=False)
        return int(removed)

    async def _first_young(self, key: str, oldest_ms: int) -> int:
        """Find the first record that is young enough, page by page from the beginning."""
        start, seen = "-", 0
        while True:
            page = await cast("Awaitable[list[tuple[bytes, Fields]]]", self._client.xrange(key, min=start, count=PAGE))
            for name, fields in page:
                if int(fields.get(WRITTEN_AT, b"0")) >= oldest_ms:
                    return offset_of(name)
            if not page:
                return seen + 1
            seen = offset_of(page[-1][0])
            start = f"({entry_id(seen)}"

    async def _first_needed(self, key: str) -> int:
        """Find the first record that some group has not acknowledged."""
        needed = ENDLESS
        try:
            groups = await cast("Awaitable[list[dict[str, bytes]]]", self._client.xinfo_groups(key))
        except redis.ResponseError:  # the topic has no records yet
            return needed
        for group in groups:
            needed = min(needed, offset_of(group["last-delivered-id"]) + 1)
            pending = await cast("Awaitable[dict[str, bytes | None]]", self._client.xpending(key, group["name"]))
            if (first := pending["min"]) is not None:
                needed = min(needed, offset_of(first))
        return needed
