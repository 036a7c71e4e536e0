"""What the embedded log says of itself, and all of it in the order of writing."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis.asyncio as redis

from router.adapters.embedded.connection import ANSWERS_WITHIN, connect, within
from router.adapters.embedded.entries import (
    PARTITION,
    WRITTEN_AT,
    Fields,
    Stamp,
    entry_id,
    offset_of,
    stream_key,
    to_received,
)
from router.adapters.embedded.tail import StreamTail
from router.ports import Lag, Received, Span

PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Entries = list[tuple[bytes, Fields]]


class StreamLogBook:
    """Reads without a group; implements `router.ports.LogBook`."""

    def __init__(self, url: str, prefix: str, now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._now = now
        self._tail = StreamTail(url, prefix, now)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._tail.aclose()

    async def spans(self, topics: Sequence[str]) -> Sequence[Span]:
        """Return what each topic holds now."""
        found = []
        for topic in topics:
            first, last = await self._first(topic), await self._last(topic)
            if first is None or last is None:
                found.append(Span(topic, PARTITION, 1, 1))
                continue
            trimmed = None if first[0] == 1 else first[1]
            found.append(Span(topic, PARTITION, first[0], last + 1, trimmed))
        return found

    async def lags(self, group: str, topics: Sequence[str]) -> Sequence[Lag]:
        """Return how far *group* is behind on each topic."""
        found = []
        for topic in topics:
            last = await self._last(topic)
            needed, pending = await self._needed(group, topic)
            oldest = None if last is None else await self._first(topic, max(needed, 1))
            waiting = pending + (0 if last is None else max(0, last - await self._delivered(group, topic)))
            since = oldest[1] if oldest and waiting else None
            found.append(Lag(topic, PARTITION, waiting, since, await self._group(group, topic) is not None))
        return found

    async def record(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return one record; None where it is gone."""
        key, name = stream_key(self._prefix, topic), entry_id(offset)
        found = await within(ANSWERS_WITHIN, lambda: self._client.xrange(key, min=name, max=name))
        entries = cast("Entries", found)
        return to_received(topic, *entries[0], self._now()) if entries and partition == PARTITION else None

    async def in_order(self, topics: Sequence[str], *, since: datetime | None = None) -> AsyncIterator[Received]:
        """Yield the records of *topics*, written at *since* or later, as of now, the earlier written first."""
        ahead: dict[str, AsyncIterator[Received]] = {
            topic: self._tail.read([topic], follow=False, since=since) for topic in topics
        }
        heads: list[tuple[datetime, str, Received]] = []
        for topic, records in ahead.items():
            async for record in records:
                heapq.heappush(heads, (record.written_at or _EPOCH, topic, record))
                break
        while heads:
            _, topic, record = heads[0]
            following = await anext(ahead[topic], None)
            if following is None:
                heapq.heappop(heads)
            else:
                heapq.heapreplace(heads, (following.written_at or _EPOCH, topic, following))
            yield record

    async def _first(self, topic: str, offset: int = 1) -> tuple[int, datetime] | None:
        """Return the first record from *offset* on, and when it was written."""
        key = stream_key(self._prefix, topic)
        found = await within(ANSWERS_WITHIN, lambda: self._client.xrange(key, min=entry_id(offset), count=1))
        entries = cast("Entries", found)
        if not entries:
            return None
        name, fields = entries[0]
        return offset_of(name), _EPOCH + timedelta(milliseconds=int(fields.get(WRITTEN_AT, b"0")))

    async def _last(self, topic: str) -> int | None:
        newest = await self._tail.last(topic, 1)
        return newest[0].offset if newest else None

    async def _group(self, group: str, topic: str) -> dict[str, Any] | None:
        key = stream_key(self._prefix, topic)

        async def groups() -> list[dict[str, Any]]:
            try:
                return await self._client.xinfo_groups(key)
            except redis.ResponseError:  # the topic has no records yet
                return []

        return next((one for one in await within(ANSWERS_WITHIN, groups) if one["name"] == group.encode()), None)

    async def _delivered(self, group: str, topic: str) -> int:
        found = await self._group(group, topic)
        return 0 if found is None else offset_of(found["last-delivered-id"])

    async def _needed(self, group: str, topic: str) -> tuple[int, int]:
        """Return the first offset that the group has not acknowledged, and how many it has in hand."""
        found = await self._group(group, topic)
        if found is None:
            return 1, 0
        key = stream_key(self._prefix, topic)
        answer = await within(ANSWERS_WITHIN, lambda: self._client.xpending(key, group))
        pending: dict[str, Any] = answer
        if pending["min"] is not None:
            return offset_of(pending["min"]), int(pending["pending"])
        return offset_of(found["last-delivered-id"]) + 1, 0
