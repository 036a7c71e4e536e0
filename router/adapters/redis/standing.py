"""Looks at how the ledger stands, as a whole and at one instant. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.visitors import at_once
from router.domain.audit.waiting import FreeRep, Waiter, Waiting
from router.events.base import to_millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """
    The ledger at one instant, by its own clock.

    * **sequence** - the last one that it gave; None where there is no ledger.
    * **outbox**, **outbox_since** - how many entries are to be published, and since when the oldest.
    * **timers_overdue** - those of leads that were due before the moment that was asked for.
    * **timer_due** - when the next timer of a lead is or was due; **duty_due** - the same of presences and calendars.
    * **waiting**, **waiting_since** - leads in the queue, and when the oldest was submitted.
    * **version** - of the policy in force.
    """

    at: datetime
    sequence: int | None
    outbox: int
    outbox_since: datetime | None
    timers: int
    timers_overdue: int
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

    async def now(self, overdue_since: datetime | None = None) -> Standing:
        """Return how the ledger stands. Raises `DependencyDown`."""
        prefix = self._prefix
        before = "-inf" if overdue_since is None else f"({to_millis(overdue_since)}"
        with asking():
            rows = await at_once(
                self._client,
                ("TIME",),
                ("MGET", prefix + "epoch", prefix + "seq"),
                ("XLEN", prefix + "out"),
                ("XRANGE", prefix + "out", "-", "+", "COUNT", 1),
                ("ZCARD", prefix + "timers"),
                ("ZCOUNT", prefix + "timers", "-inf", before),
                *(("ZRANGE", prefix + name, 0, 0, "WITHSCORES") for name in ("timers", "duty", "waiting")),
                ("ZCARD", prefix + "waiting"),
                ("ZCARD", prefix + "open"),
                ("HGET", prefix + "meta", "version"),
            )
        time, (epoch, sequence), outbox, oldest, timers, overdue, timer, duty, waits, waiting, open_, version = rows
        return Standing(
            at=_EPOCH + timedelta(seconds=time[0], microseconds=time[1]),
            sequence=None if epoch is None else int(sequence or 0),
            outbox=outbox,
            outbox_since=_entry_at(oldest[0][0]) if oldest else None,
            timers=timers,
            timers_overdue=overdue,
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

    async def waiting(self, most: int) -> Waiting:
        """
        Return the *most* leads that wait longest, and the reps of their open steps, all of one instant.

        Raises `DependencyDown`.
        """
        prefix = self._prefix
        with asking():
            ids = cast("list[bytes]", await self._client.zrange(prefix + "waiting", 0, most - 1))
            leads = [f"{prefix}lead:{one.decode()}" for one in ids]
            drafts = [orjson.loads(one) for one in await self._client.mget(leads) if one] if leads else []
            audiences = sorted({step["audience"] for one in drafts for step in _open_steps(one)})
            members = (
                await at_once(self._client, *(("SMEMBERS", f"{prefix}in:{one}") for one in audiences))
                if audiences
                else []
            )
            reps = sorted({one.decode() for some in members for one in some})
            if not reps:
                return Waiting(0, (), {}, {}, {})
            time, kept, daily, cal, *rows = await at_once(
                self._client,
                ("TIME",),
                ("MGET", *leads),
                ("HGET", prefix + "meta", "daily_per_rep"),
                ("HGETALL", prefix + "cal"),
                *(("SMEMBERS", f"{prefix}in:{one}") for one in audiences),
                *(("HGETALL", f"{prefix}rep:{one}") for one in reps),
            )
        known = [orjson.loads(one) for one in kept if one]
        return Waiting(
            at=time[0] * 1000 + time[1] // 1000,
            leads=tuple(_waiter(one) for one in known if one["state"] == "waiting"),
            members={
                name: frozenset(one.decode() for one in some) for name, some in zip(audiences, rows, strict=False)
            },
            reps={
                name: _rep(row, int(daily or 0)) for name, row in zip(reps, rows[len(audiences) :], strict=True) if row
            },
            calendars={name.decode(): tuple(_edges(row)) for name, row in cal.items()},
        )

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


def _open_steps(lead: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    steps: Sequence[Mapping[str, Any]] = lead.get("step_list") or ()
    return steps[: int(lead.get("reach") or 1)]


def _waiter(lead: Mapping[str, Any]) -> Waiter:
    return Waiter(
        lead_id=lead["id"],
        attempt=int(lead["attempt"]),
        parked=bool(lead.get("parked")),
        tried=frozenset(lead.get("tried") or ()),
        audiences=tuple(step["audience"] for step in _open_steps(lead)),
    )


def _rep(row: Mapping[bytes, bytes], daily: int) -> FreeRep:
    def number(name: bytes) -> int:
        return int(row.get(name) or 0)

    return FreeRep(
        active=row.get(b"active") == b"1",
        status=(row.get(b"status") or b"offline").decode(),
        until=number(b"until"),
        calendar=(row.get(b"calendar") or b"").decode(),
        room=number(b"capacity") - number(b"load"),
        at_limit=bool(daily) and number(b"today") >= daily,
        turn=number(b"turn"),
    )


def _edges(row: bytes) -> Iterable[tuple[int, str]]:
    return ((int(edge["at"]), str(edge["state"])) for edge in orjson.loads(row))
