"""Reads all topics: first what they hold, in order, then what comes, through outages. The auditor sees each record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from router.bootstrap import Outlook
from router.domain.audit import Auditor
from router.events import TOPICS
from router.pipeline.observing import observe
from router.ports import Received, Span

MOST_HELD = 200_000
"""Cases that the auditor may hold until no more is read: the workers have that much to catch up with."""

LOOKS_AGAIN = 0.2  # seconds
OVERLAP = timedelta(minutes=10)
"""How far back the second reading begins: the times of records are those of their producers' clocks."""

ALL = sorted(TOPICS)


class Follower:
    """
    One reading of all topics.

    * **newest** - when the newest record that was read was written.
    """

    def __init__(self, place: Outlook, auditor: Auditor, workspace: str) -> None:
        self._place = place
        self._auditor = auditor
        self._workspace = workspace
        self._read: dict[tuple[str, int], int] = {}
        self._more = asyncio.Event()
        self.newest: datetime | None = None
        self.records = 0

    async def catch_up(self, since: datetime, each: Callable[[int, datetime], None]) -> None:
        """Read what was written from *since* until now; *each* hears how far. Raises `DependencyDown`."""
        for span in await self._place.book.spans(ALL):
            self._read[span.topic, span.partition] = span.end
        async for record in self._place.book.in_order(ALL, since=since):
            self._see(record)
            each(self.records, record.written_at or since)

    async def run(self, since: datetime) -> None:
        """Read what comes, and before that what is from *since* on, until cancelled."""
        async for record in self._place.log.tail.read(ALL, follow=True, since=since - OVERLAP):
            self._see(record)
            self._more.set()
            while self._auditor.open_cases > MOST_HELD:  # noqa: ASYNC110 - it shrinks by judging, which sets no event
                await asyncio.sleep(LOOKS_AGAIN)

    async def reached(self, spans: Iterable[Span], within: float) -> bool:
        """Wait until all was read that *spans* hold; False where that takes longer than *within* seconds."""
        wanted = [span for span in spans if span.end > span.first]
        try:
            async with asyncio.timeout(within):
                while any(self._read.get((span.topic, span.partition), 0) < span.end for span in wanted):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            return False
        return True

    def _see(self, record: Received) -> None:
        if (observed := observe(record, self._workspace)) is not None:
            self._auditor.see(observed)
        self.records += 1
        place = (record.topic, record.partition)
        self._read[place] = max(self._read.get(place, 0), record.offset + 1)
        if record.written_at is not None:
            self.newest = max(self.newest or record.written_at, record.written_at)
