"""What a deployment under load looks like from outside, looked at again and again: lag, queue, memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis

from tests.e2e.play import Played

EVERY = 1.0  # seconds
MB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the start, submissions without a decision, leads in a queue, memory in bytes."""

    at: float
    undecided: int
    waiting: int
    workers: tuple[int, ...]
    redis: int


@dataclass(slots=True)
class Samples:
    """All looks of a run, in order."""

    pids: Sequence[int]
    redis_url: str
    taken: list[Sample] = field(default_factory=list)

    async def take(self, played: Played) -> None:
        """Look every second until cancelled."""
        began = time.monotonic()
        async with Redis.from_url(self.redis_url) as client:
            while True:
                memory = await client.info("memory")
                self.taken.append(
                    Sample(
                        at=time.monotonic() - began,
                        undecided=len(played.sent) - len(played.decided.keys() & played.sent.keys()),
                        waiting=sum(played.waiting.values()),
                        workers=tuple(map(resident, self.pids)),
                        redis=int(memory["used_memory"]),
                    )
                )
                await asyncio.sleep(EVERY)


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has in use (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def slope(points: Sequence[tuple[float, float]]) -> float:
    """
    Return how fast a figure grows, by least squares.

    >>> slope([(0, 1), (1, 3), (2, 5)])
    2.0
    """
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    across = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / across if across else 0.0
