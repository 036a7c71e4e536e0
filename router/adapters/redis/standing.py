"""Looks at how the ledger stands, as a whole and at one instant. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.visitors import at_once

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The ledger at one instant, by its own clock.

    * **sequence** - the last one that it gave; None where there is no ledger.
    * **outbox**, **outbox_since** - how many entries are to be published, and since when the oldest.
    * **timer_due** - when the next timer of a lead is or was due; **duty_due** - the same of presences and calendars.
    * **waiting**, **waiting_since** - leads in the queue, and when the oldest was submitted.
    * **version** - of the policy in force.
    """

    at: datetime
    sequence: int | None
    outbox: int
    outbox_since: datetime | None
    timers: int
    timer_due: datetime | None
    duty_due: datetime | None
    waiting: int
    waiting_since: datetime | None
    open: int
    version: str | None


class RedisStanding:
    """Looks at the ledger of one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"

    async def now(self) -> Standing:
        """Return how the ledger stands. Raises `DependencyDown`."""
        prefix = self._prefix
        with asking():
            rows = await at_once(
                self._client,
                ("TIME",),
                ("MGET", prefix + "epoch", prefix + "seq"),
                ("XLEN", prefix + "out"),
                ("XRANGE", prefix + "out", "-", "+", "COUNT", 1),
                ("ZCARD", prefix + "timers"),
                *(("ZRANGE", prefix + name, 0, 0, "WITHSCORES") for name in ("timers", "duty", "waiting")),
                ("ZCARD", prefix + "waiting"),
                ("ZCARD", prefix + "open"),
                ("HGET", prefix + "meta", "version"),
            )
        time, (epoch, sequence), outbox, oldest, timers, timer, duty, waits, waiting, open_, version = rows
        return Standing(
            at=_EPOCH + timedelta(seconds=time[0], microseconds=time[1]),
            sequence=None if epoch is None else int(sequence or 0),
            outbox=outbox,
            outbox_since=_entry_at(oldest[0][0]) if oldest else None,
            timers=timers,
            timer_due=_score(timer),
            duty_due=_score(duty),
            waiting=waiting,
            waiting_since=_score(waits),
            open=open_,
            version=None if version is None else version.decode(),
        )

    async def policies(self) -> Mapping[str, str]:
        """Return the text of every policy that was ever in force, by version. Raises `DependencyDown`."""
        with asking():
            kept = cast("dict[bytes, bytes]", await self._client.hgetall(self._prefix + "policies"))
        return {version.decode(): text.decode() for version, text in kept.items()}

    async def open_leads(self) -> Sequence[str]:
        """Return the leads that are open. Raises `DependencyDown`."""
        with asking():
            ids = cast("list[bytes]", await self._client.zrange(self._prefix + "open", 0, -1))
        return [one.decode() for one in ids]

    async def calendars_end(self) -> Mapping[str, datetime]:
        """Return until when the ledger knows each calendar. Raises `DependencyDown`."""
        with asking():
            kept = cast("dict[bytes, bytes]", await self._client.hgetall(self._prefix + "cal"))
        edges = {name.decode(): orjson.loads(row) for name, row in kept.items()}
        return {name: _EPOCH + timedelta(milliseconds=row[-1]["at"]) for name, row in edges.items() if row}


def _score(rows: Sequence[Sequence[Any]]) -> datetime | None:
    """Return the instant that is the score of the first of *rows*, pairs of member and score."""
    return _EPOCH + timedelta(milliseconds=int(rows[0][1])) if rows else None


def _entry_at(identifier: bytes) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(identifier.partition(b"-")[0]))
