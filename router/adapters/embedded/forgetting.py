"""
Removes single records from the streams; a broker has no such thing.

No command returns a removed record any more. Its bytes may stay in memory and on disk until the block of a hundred
records that it stood in is trimmed away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from router.adapters.embedded.connection import ANSWERS_WITHIN, connect, within
from router.adapters.embedded.entries import Fields, Stamp, stream_key, to_received
from router.ports import Received

PAGE = 500


class StreamForgetting:
    """Looks through topics for records that are to go."""

    def __init__(self, url: str, prefix: str, now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._now = now

    async def remove(self, topic: str, which: Callable[[Received], bool], *, dry_run: bool = False) -> int:
        """
        Remove the records of *topic* that *which* is true of, read or not; return how many they are.

        Raises `DependencyDown`; what was removed by then is gone.
        """
        key, start, removed = stream_key(self._prefix, topic), "-", 0
        while True:
            call = self._page(key, start)
            page = await within(ANSWERS_WITHIN, call)
            if not page:
                return removed
            start = f"({page[-1][0].decode()}"
            gone = [name for name, fields in page if which(to_received(topic, name, fields, self._now()))]
            removed += len(gone)
            if gone and not dry_run:
                await within(ANSWERS_WITHIN, self._delete(key, gone))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _page(self, key: str, start: str) -> Callable[[], Awaitable[list[tuple[bytes, Fields]]]]:
        return lambda: cast("Awaitable[list[tuple[bytes, Fields]]]", self._client.xrange(key, min=start, count=PAGE))

    def _delete(self, key: str, names: list[bytes]) -> Callable[[], Awaitable[int]]:
        return lambda: self._client.xdel(key, *names)
