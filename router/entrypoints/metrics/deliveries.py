"""The queue of deliveries of a process that measures itself: its calls tell whether Redis does its part."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from redis.asyncio import Redis

from router.adapters.redis.deliveries import Deliveries, Parcel, Taken
from router.entrypoints.metrics.outages import Outages

ASKER: Final = "deliveries"


class MeasuredDeliveries(Deliveries):
    """Tells *outages* of the calls that only a server answers that takes writes: a full one answers a PING, too."""

    def __init__(self, client: Redis, workspace: str, outages: Outages) -> None:
        super().__init__(client, workspace)
        self._outages = outages

    async def put(self, parcels: Sequence[Parcel]) -> frozenset[str]:
        """Note *parcels*; return the ids of those there is no room for."""
        with self._asking():
            return await super().put(parcels)

    async def take(self, channel: str, most: int, lease_ms: int, *, late: bool = False) -> Taken:
        """Take up to *most* that are due, for *lease_ms*; with *late*, only those whose end has come."""
        with self._asking():
            return await super().take(channel, most, lease_ms, late=late)

    async def later(self, channel: str, ids: Sequence[str], in_ms: int) -> None:
        """Have *ids* taken up in *in_ms* at the earliest."""
        with self._asking():
            await super().later(channel, ids, in_ms)

    async def channels(self) -> frozenset[str]:
        """Return the channels that have, or had, something to deliver."""
        with self._asking():
            return await super().channels()

    def _asking(self) -> AbstractContextManager[None]:
        return self._outages.asking("redis", by=ASKER)
