"""
What was fetched of one topic and waits for its handler.

Taking never waits for a batch to fill, and a slow handler never holds up
another topic: past a mark this topic's partitions are left out of fetching
until there is room again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from faust.types import TP, AppT, EventT

BATCH = 500
# Fetching resumes with up to a second's delay: at the lower mark there must be work for longer than that.
FULL_AT, ROOM_AT = 12_000, 8_000  # records
FULL_AT_BYTES, ROOM_AT_BYTES = 64 * 2**20, 32 * 2**20


@dataclass(slots=True, eq=False)
class Inbox:
    """One topic's events, in the order of each partition."""

    app: AppT
    events: deque[EventT[bytes]] = field(default_factory=deque)
    size: int = 0
    held: set[TP] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, event: EventT[bytes]) -> None:
        """
        Add *event*, unless it was fetched before the partitions were last dealt out.

        Such a one comes again. Handling it now would acknowledge it ahead of
        earlier ones that were dropped with `clear`, and so lose those.
        """
        message = event.message
        if message.generation_id != self.app.consumer_generation_id or not self.app.flow_control.is_active():
            return
        self.events.append(event)
        self.size += message.serialized_value_size
        if len(self.events) >= FULL_AT or self.size >= FULL_AT_BYTES:
            # Not `pause_partitions`: that drops what is already fetched and takes it for done.
            self.app.consumer.on_buffer_full(message.tp)
            self.held.add(message.tp)
        self.arrived.set()

    async def take(self) -> Sequence[EventT[bytes]]:
        """Wait for an event, and return it with what else is there, in order; nothing if all was dropped meanwhile."""
        while not self.events:
            self.idle.set()
            self.arrived.clear()
            await self.arrived.wait()
        self.idle.clear()
        seen = 0
        while (
            seen < len(self.events) < BATCH
        ):  # Faust hands over one a turn of the loop: as long as they come, they are there
            seen = len(self.events)
            await asyncio.sleep(0)
        taken = [self.events.popleft() for _ in range(min(BATCH, len(self.events)))]
        self.size -= sum(event.message.serialized_value_size for event in taken)
        if self.held and len(self.events) <= ROOM_AT and self.size <= ROOM_AT_BYTES:
            self._let_go()
        return taken

    def clear(self) -> None:
        """Drop what waits; being unacknowledged, it comes again, here or elsewhere."""
        self.events.clear()
        self.size = 0
        self._let_go()

    def _let_go(self) -> None:
        for tp in self.held & self.app.consumer.assignment():
            self.app.consumer.on_buffer_drop(tp)
        self.held.clear()
