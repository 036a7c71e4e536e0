"""Reads the streams outside any group, for watchers, checks and reports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import datetime
from typing import cast

from router.adapters.embedded.connection import ANSWERS_WITHIN, connect, patiently, within
from router.adapters.embedded.entries import (
    KEY,
    WRITTEN_AT,
    Fields,
    Stamp,
    entry_id,
    offset_of,
    stream_key,
    to_received,
)
from router.events.base import to_millis
from router.ports import Received

Page = list[tuple[bytes, list[tuple[bytes, Fields]]]]

PAGE = 500
AT_ONCE = 2000  # records of a batch
CLOCK_STEPS_BACK = 60_000  # ms that this machine's clock may have been set back by, without a record being left out
LOOKS_EVERY_MS = 2000  # how long one blocking read waits; new records end the wait at once


class StreamTail:
    """Reads the log from its beginning, from an instant, or its end."""

    def __init__(self, url: str, prefix: str, now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._now = now

    async def read(
        self, topics: Sequence[str], *, follow: bool, since: datetime | None = None, key: bytes | None = None
    ) -> AsyncIterator[Received]:
        """
        Yield the records of *topics*, of *key*, from *since*; with *follow*, go on with new ones through any outage.

        Without *follow*, stop at what was the end when the reading began, and
        raise `DependencyDown` when the server is away.
        """
        from_ms = 0 if since is None else to_millis(since)
        ends = None if follow else {topic: await self._end(topic) for topic in topics}
        position = {topic: await self._before(topic, from_ms - CLOCK_STEPS_BACK) for topic in topics}
        while True:
            wanted = [topic for topic in topics if ends is None or position[topic] < ends[topic]]
            if not wanted:
                return
            page = await self._page({topic: position[topic] for topic in wanted}, follow=follow)
            if not (page or follow):  # what was there has been trimmed away meanwhile
                return
            for topic, identifier, fields in page:
                position[topic] = offset_of(identifier)
                if _written_at(fields) >= from_ms and key in (None, fields.get(KEY)):
                    yield to_received(topic, identifier, fields, self._now())

    async def batches(
        self, topics: Sequence[str], *, since: datetime | None = None
    ) -> AsyncIterator[Sequence[Received]]:
        """Yield all records of *topics* up to their end, from *since*, in batches, what was written first first."""
        from_ms = 0 if since is None else to_millis(since)
        ends = {topic: await self._end(topic) for topic in topics}
        left = {topic: await self._before(topic, from_ms - CLOCK_STEPS_BACK) for topic in topics}
        front = dict.fromkeys(topics, 0)
        while left := {topic: at for topic, at in left.items() if at < ends[topic]}:
            topic = min(left, key=front.__getitem__)
            key, start = stream_key(self._prefix, topic), entry_id(left[topic] + 1)
            found = await within(
                ANSWERS_WITHIN,
                lambda: self._client.xrange(key, min=start, max=entry_id(ends[topic]), count=AT_ONCE),  # noqa: B023 - awaited at once
            )
            entries = cast("list[tuple[bytes, Fields]]", found)
            if not entries:  # what was there has been trimmed away meanwhile
                del left[topic]
                continue
            left[topic], front[topic] = offset_of(entries[-1][0]), _written_at(entries[-1][1])
            now = self._now()
            yield [to_received(topic, name, fields, now) for name, fields in entries]

    async def last(self, topic: str, count: int) -> Sequence[Received]:
        """Return up to *count* newest records of *topic*, oldest first; empty where it has none."""
        key = stream_key(self._prefix, topic)
        entries = await within(ANSWERS_WITHIN, lambda: self._client.xrevrange(key, count=count))
        newest = cast("list[tuple[bytes, Fields]]", entries)
        return [to_received(topic, identifier, fields, self._now()) for identifier, fields in reversed(newest)]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _end(self, topic: str) -> int:
        newest = await self.last(topic, 1)
        return newest[0].offset if newest else 0

    async def _before(self, topic: str, moment: int) -> int:
        """
        Return an offset up to which everything was written before *moment* (ms), by halving what is left.

        That is exact where the times of the records only grow. Where a clock was
        set back in between, it is exact but for as much as it was set back.
        """
        if moment <= 0:
            return 0
        key, low, high = stream_key(self._prefix, topic), 0, await self._end(topic)
        while low < high:
            middle = (low + high + 1) // 2
            start = entry_id(middle)
            found = await within(ANSWERS_WITHIN, lambda: self._client.xrange(key, min=start, count=1))  # noqa: B023 - awaited at once
            entries = cast("list[tuple[bytes, Fields]]", found)
            if entries and _written_at(entries[0][1]) < moment:
                low = offset_of(entries[0][0])
            else:
                high = middle - 1
        return low

    async def _page(self, position: dict[str, int], *, follow: bool) -> list[tuple[str, bytes, Fields]]:
        streams = {stream_key(self._prefix, topic): topic for topic in position}
        after = {key: entry_id(position[topic]) for key, topic in streams.items()}

        def call() -> Awaitable[Page]:
            block = LOOKS_EVERY_MS if follow else None
            return cast("Awaitable[Page]", self._client.xread(after, count=PAGE, block=block))  # type: ignore[arg-type]  # the stubs are invariant in dict

        page = await (
            patiently("follow", call, seconds=ANSWERS_WITHIN + LOOKS_EVERY_MS / 1000)
            if follow
            else within(ANSWERS_WITHIN, call)
        )
        return [(streams[key.decode()], name, fields) for key, entries in page for name, fields in entries]


def _written_at(fields: Fields) -> int:
    return int(fields.get(WRITTEN_AT, b"0"))
