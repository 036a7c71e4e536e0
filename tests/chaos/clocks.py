"""
Faults of clocks: processes whose wall clock is off, and jumps; a monotonic clock does not.

The ledger's time is Redis's, whose clock libfaketime moves. A worker's own is good for when a submission was received
and decided; it is moved from inside (`moved_clock`), since libfaketime makes a process of several threads stall.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos.fault import AFTER_A_DEATH, Fault
from tests.chaos.moved_clock import FILE
from tests.chaos.scene import Scene

LIBRARY = next(iter(Path("/usr/lib").glob("**/faketime/libfaketime.so.1")), None)
WORKERS_OFF = 240  # seconds: `submitted_at` may be up to five minutes ahead of a clock
REDIS_OFF = 4  # seconds: less than the clocks of the load, so that what is due can still be told from what is not
JUMPS = 4


class Clock:
    """The wall clock of some processes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def of_python(self) -> Mapping[str, str]:
        """What makes it the clock of a worker that runs `moved_clock`."""
        return {FILE: str(self._file)}

    @property
    def of_any(self) -> Mapping[str, str]:
        """What makes it the clock of any process."""
        return {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: float) -> None:
        """Put it so many seconds ahead of the true time, or behind; at once, and by one write."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.3f}\n", encoding="ascii")
        new.replace(self._file)


def _no_library() -> str:
    return "" if LIBRARY is not None else "libfaketime is not installed (Debian: libfaketime)"


def _clock(scene: Scene, number: int) -> Clock:
    return Clock(scene.folder / f"clock-{number}")


async def _workers_with_clocks(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Place two workers with a clock of their own each."""
    scene.site.module = "tests.chaos.moved_clock"
    return [_clock(scene, number).of_python for number in range(2)]


async def _workers_jump(scene: Scene) -> None:
    """Let both clocks jump, apart from one another."""
    clocks = [_clock(scene, number) for number in range(2)]
    for _ in range(JUMPS):
        await asyncio.sleep(scene.over.total_seconds() / (JUMPS + 1))
        for clock in clocks:
            clock.set(scene.draw.uniform(-WORKERS_OFF, WORKERS_OFF))
        scene.over_now()


async def _redis_with_clock(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Give Valkey a clock of its own; before there is anything in it that matters."""
    valkey = scene.servers.valkey

    def start_with(environment: Mapping[str, str]) -> None:
        valkey.stop()
        valkey.environment = environment
        valkey.start()

    scene.cleanup.push_async_callback(asyncio.to_thread, start_with, {})
    await asyncio.to_thread(start_with, _clock(scene, 0).of_any)
    return [{}, {}]


async def _redis_jumps(scene: Scene) -> None:
    """Let its clock jump ahead and back, and end where it should be."""
    clock = _clock(scene, 0)
    for number in range(JUMPS):
        await asyncio.sleep(scene.over.total_seconds() / (JUMPS + 1))
        off = scene.draw.uniform(1, REDIS_OFF) * (1 if number % 2 else -1)
        clock.set(0 if number == JUMPS - 1 else off)
        scene.over_now()


FAULTS: Sequence[Fault] = (
    Fault(
        "worker-clocks",
        "The wall clocks of both workers jump, each for itself, by up to 4 minutes either way.",
        _workers_jump,
        _workers_with_clocks,
        AFTER_A_DEATH,
    ),
    Fault(
        "redis-clock",
        "The wall clock of Valkey, which is the ledger's time, jumps by up to 4 s back and ahead.",
        _redis_jumps,
        _redis_with_clock,
        missing=_no_library,
    ),
)
