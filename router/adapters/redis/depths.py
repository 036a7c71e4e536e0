"""Reads how much stands in a workspace's ledger and how long it has stood there, in two round trips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.visitors import at_once

OVERDUE_AFTER = 2_000  # ms: a timer fires within a second while a worker runs


@dataclass(frozen=True, slots=True)
class Depths:
    """
    One workspace at an instant; ages are in seconds, and 0 where there is nothing.

    * **calendar_horizon** - how far ahead the calendar that is known least far ahead is known; None without calendars.
    * **memory**, **memory_limit** - of the whole server, in bytes.
    """

    open: int
    waiting: int
    waiting_oldest: float
    outbox: int
    outbox_oldest: float
    timers_overdue: int
    calendar_horizon: float | None
    memory: int
    memory_limit: int


async def depths(client: Redis, workspace: str) -> Depths:
    """Look; all instants are the server's own. Raises `DependencyDown`."""
    prefix = f"{{{workspace}}}:"
    with asking():
        seconds, micros = await client.time()
        now = seconds * 1000 + micros // 1000
        open_, waiting, first_waiting, outbox, first_entry, overdue, calendars, memory = await at_once(
            client,
            ("ZCARD", prefix + "open"),
            ("ZCARD", prefix + "waiting"),
            ("ZRANGE", prefix + "waiting", 0, 0, "WITHSCORES"),
            ("XLEN", prefix + "out"),
            ("XRANGE", prefix + "out", "-", "+", "COUNT", 1),
            ("ZCOUNT", prefix + "timers", "-inf", now - OVERDUE_AFTER),
            ("HGETALL", prefix + "cal"),
            ("INFO", "memory"),
        )
    entered = [int(entry.split(b"-")[0]) for entry, _ in first_entry]
    return Depths(
        open=open_,
        waiting=waiting,
        waiting_oldest=_age(now, [int(submitted) for _, submitted in first_waiting]),
        outbox=outbox,
        outbox_oldest=_age(now, entered),
        timers_overdue=overdue,
        calendar_horizon=_horizon(now, calendars),
        memory=int(memory.get("used_memory", 0)),
        memory_limit=int(memory.get("maxmemory", 0)) or int(memory.get("total_system_memory", 0)),
    )


def _age(now: int, since: list[int]) -> float:
    return max(0, now - since[0]) / 1000 if since else 0.0


def _horizon(now: int, calendars: Mapping[bytes, bytes]) -> float | None:
    """Each calendar is the list of its edges; the last of them is how far it is known."""
    last = [max(edge["at"] for edge in edges) for edges in map(orjson.loads, calendars.values()) if edges]
    return None if not last else (min(last) - now) / 1000
