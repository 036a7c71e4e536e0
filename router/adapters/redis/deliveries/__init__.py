"""
Messages that are to be delivered, kept in Redis until they are: what a notifier has noted, no crash loses.

A message is taken up for a while (a lease). Who takes it up says what became of
it; where nobody says anything until the lease is over, the next one takes it up.
Times are those of the server, so that notifiers with different clocks agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import cast

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from router.adapters.redis.connection import asking
from router.events.base import to_millis
from router.ports import Clock

REMEMBERED = 7 * 24 * 3600
"""Seconds: as long as `rep-notifications` keeps what could come again."""

MOST_WAITING = 20_000
"""For one channel: Redis holds the ledger too, and a channel that is away for a day must not fill it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for one channel. `until` is in ms; `job` is JSON that is not looked at here."""

    channel: str
    id: str
    until: int
    job: bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken up, and in how many ms the next is due; None: nothing waits."""

    parcels: Sequence[Parcel]
    next_in: int | None


class Deliveries:
    """
    What one workspace's notifiers have to deliver. Every method raises `DependencyDown`.

    `put`, `take`, `later` and `channels` are answered only by a server that takes writes at the moment, whether they
    have something to write or not.
    """

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"
        self._put, self._take, self._later, self._finish, self._channels = (
            _script(client, name) for name in ("put", "take", "later", "finish", "channels")
        )

    async def put(self, parcels: Sequence[Parcel]) -> frozenset[str]:
        """Note *parcels*, those that were not noted before; return the ids of those there is no room for."""
        if not parcels:
            return frozenset()
        words: list[str | bytes | int] = [REMEMBERED, MOST_WAITING]
        for one in parcels:
            words += (one.channel, one.id, one.until, one.job)
        with asking():
            refused: list[bytes] = await self._put(keys=[self._prefix], args=words)
        return frozenset(one.decode() for one in refused)

    async def take(self, channel: str, most: int, lease_ms: int, *, late: bool = False) -> Taken:
        """Take up to *most* that are due, for *lease_ms*; with *late*, only those whose end has come."""
        with asking():
            answer = await self._take(keys=[self._prefix], args=[channel, most, lease_ms, "late" if late else "due"])
        rows = zip(answer[1::3], answer[2::3], answer[3::3], strict=True)
        found = [Parcel(channel, name.decode(), int(until), job) for name, until, job in rows]
        return Taken(found, None if answer[0] < 0 else answer[0])

    async def later(self, channel: str, ids: Sequence[str], in_ms: int) -> None:
        """Have *ids* taken up in *in_ms* at the earliest: to try again, or to hold them while they are in work."""
        with asking():
            await self._later(keys=[self._prefix], args=[channel, in_ms, *ids])

    async def finish(self, channel: str, name: str, *, forget: bool = False) -> None:
        """Let go of a message: it is delivered, of no use any more, or (*forget*) told of as a dead letter."""
        with asking():
            await self._finish(keys=[self._prefix], args=[channel, name, "forget" if forget else "remember"])

    async def held(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yield id and job of each message that is kept."""
        cursor = 0
        while True:
            with asking():
                cursor, page = await self._client.hscan(self._key("held"), cursor, count=500)
            for name, job in cast("dict[bytes, bytes]", page).items():
                yield name.decode(), job
            if not cursor:
                return

    async def channels(self) -> frozenset[str]:
        """Return the channels that have, or had, something to deliver."""
        with asking():
            known: list[bytes] = await self._channels(keys=[self._prefix])
        return frozenset(one.decode() for one in known)

    async def begun(self, clock: Clock) -> int:
        """Return when the first notifier of this workspace began, in ms: now, where this is the first."""
        with asking():
            await self._client.set(self._key("since"), to_millis(clock.now()), nx=True)
            return int(await self._client.get(self._key("since")) or 0)

    def _key(self, name: str) -> str:
        return f"{self._prefix}notify:{name}"


def _script(client: Redis, name: str) -> AsyncScript:
    source = (resources.files("router.adapters.redis.deliveries") / f"{name}.lua").read_text(encoding="utf-8")
    return client.register_script(source)
