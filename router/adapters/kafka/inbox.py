"""
What was fetched of one topic and waits for its handler.

Taking never waits for a batch to fill, and a slow handler never holds up
another topic: past a mark this topic's partitions are left out of fetching
until there is room again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Event = TypeVar("Event")
Partition = TypeVar("Partition")

BATCH = 1_000  # records: two parts for the pipeline, so that one is decided while the other is placed
# Fetching resumes with up to a second's delay: at the lower mark there must be work for longer than that.
FULL_AT, ROOM_AT = 12_000, 8_000  # records
FULL_AT_BYTES, ROOM_AT_BYTES = 64 * 2**20, 32 * 2**20


class Inbox(Generic[Event, Partition]):
    """
    One topic's events, each with some records, in the order of each partition.

    * **hold** - leave a partition out of fetching; called again for each event past the mark.
    * **let_go** - fetch from a partition again.
    """

    def __init__(self, hold: Callable[[Partition], None], let_go: Callable[[Partition], None]) -> None:
        self._hold = hold
        self._let_go = let_go
        self._events: deque[tuple[Event, int, int]] = deque()
        self._records = 0
        self._bytes = 0
        self._in_work: deque[int] = deque()
        self._held: set[Partition] = set()
        self._arrived = asyncio.Event()
        self.idle = asyncio.Event()
        """Set while no event waits and none that was taken is in work."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is waiting or in work, and all partitions are fetched from."""
        return self.idle.is_set() and not self._held

    @property
    def unfinished(self) -> int:
        """How many records wait or are in work."""
        return self._records + sum(self._in_work)

    def put(self, event: Event, partition: Partition, records: int, size: int) -> None:
        """Add *event* of *partition*, with so many *records* of *size* bytes together."""
        self._events.append((event, records, size))
        self._records += records
        self._bytes += size
        if self._records >= FULL_AT or self._bytes >= FULL_AT_BYTES:
            self._hold(partition)
            self._held.add(partition)
        self._arrived.set()

    async def take(self) -> Sequence[Event]:
        """
        Wait for an event, and return it with what else is there, in order, up to a batch's records where it can.

        What is returned is in work until `finished`.
        """
        while not self._events:
            self._settle()
            self._arrived.clear()
            await self._arrived.wait()
        self.idle.clear()
        taken: list[Event] = []
        room = BATCH
        while self._events and (not taken or self._events[0][1] <= room):
            event, records, size = self._events.popleft()
            taken.append(event)
            room -= records
            self._records -= records
            self._bytes -= size
        self._in_work.append(BATCH - room)
        if self._records <= ROOM_AT and self._bytes <= ROOM_AT_BYTES:
            self._release()
        return taken

    def finished(self) -> None:
        """Say that what was taken first of all that is in work has come to its end."""
        self._in_work.popleft()
        self._settle()

    def clear(self) -> None:
        """Drop what waits; being unacknowledged, it comes again, here or elsewhere."""
        self._events.clear()
        self._records = 0
        self._bytes = 0
        self._release()

    def _settle(self) -> None:
        if not self._events and not self._in_work:
            self.idle.set()

    def _release(self) -> None:
        while self._held:
            self._let_go(self._held.pop())
