"""
Which heartbeats become events.

A page beats every few seconds; were each beat an event, a hundred reps who do
nothing would be most of the log. So a beat is written when a third of its ttl
has passed since the last one that was. While beats come at least three times in
a ttl, the ledger hears of the rep in time; after the last one the rep is
`offline` when the ttl has passed, or up to a third of it sooner.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.errors import DependencyDown
from router.events.presence import RepPresence

WITHOUT_END: Final = 30
"""Seconds between events of a rep whose presence never expires."""


class Beats:
    """The last heartbeats that were written, in one workspace, for all gateways together."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:http:beat:"

    async def due(self, beat: RepPresence) -> bool:
        """Return whether *beat* is to be written, and take it for written. Raises `DependencyDown`."""
        third = beat.ttl_seconds * 1000 // 3 if beat.ttl_seconds else WITHOUT_END * 1000
        with asking():
            return bool(await self._client.set(self._name(beat), b"1", nx=True, px=max(1, third)))

    async def missed(self, beat: RepPresence) -> None:
        """Take back that *beat* was written, as far as Redis can be told."""
        with suppress(DependencyDown), asking():
            await self._client.delete(self._name(beat))

    def _name(self, beat: RepPresence) -> str:
        rep = hashlib.blake2b(beat.rep_id.encode(), digest_size=16).hexdigest()
        return f"{self._prefix}{rep}:{beat.ttl_seconds}"
