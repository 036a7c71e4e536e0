"""Reads the streams outside any group, for watchers, checks and reports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import cast

from router.adapters.embedded.connection import ANSWERS_WITHIN, connect, patiently, within
from router.adapters.embedded.entries import Fields, Stamp, entry_id, offset_of, stream_key, to_received
from router.ports import Received

Page = list[tuple[bytes, list[tuple[bytes, Fields]]]]

PAGE = 500
LOOKS_EVERY_MS = 2000  # how long one blocking read waits; new records end the wait at once


class StreamTail:
    """Reads the log from its beginning, or its end."""

    def __init__(self, url: str, prefix: str, now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._now = now

    async def read(self, topics: Sequence[str], *, follow: bool) -> AsyncIterator[Received]:
        """
        Yield all records of *topics* from the beginning; with *follow*, go on with new ones through any outage.

        Without *follow*, stop at what was the end when the reading began, and
        raise `DependencyDown` when the server is away.
        """
        position = dict.fromkeys(topics, 0)
        ends = None if follow else {topic: await self._end(topic) for topic in topics}
        while True:
            wanted = [topic for topic in topics if ends is None or position[topic] < ends[topic]]
            if not wanted:
                return
            for topic, identifier, fields in await self._page(
                {topic: position[topic] for topic in wanted}, follow=follow
            ):
                position[topic] = offset_of(identifier)
                yield to_received(topic, identifier, fields, self._now())

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
