"""
A thread that sees whether the event loop turns, says so where it does not, and ends the process where it never will.

Only time counts in which this thread came round itself: a process that was stopped (SIGSTOP, a paused container, a
machine put to sleep) did not stall, and neither did one that got no processor. One thing is not seen: a call into C
that never gives Python's lock back stops this thread too. `/health/live` does not answer then.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.get_logger()

BEATS_EVERY: Final = 0.1  # seconds
LOOKS_EVERY: Final = 0.5
WARNS_AFTER: Final = 5.0
ENDS_AFTER: Final = 30.0
STOPS_WITHIN: Final = 9.5
"""Seconds that an orderly end may take in all; a supervisor that asked for it kills after ten."""

SAYS_WITHIN: Final = 1.0
"""Seconds for a line of the log: whoever reads it may be what everything waits for."""

INNERMOST: Final = 12  # places of a stack
FAULT: Final = 70
"""The exit code, as for every fault of the router's own."""


class Stall:
    """
    For how long nothing has moved, by who looks every now and then.

    >>> stall = Stall(longest_step=1.0)
    >>> [stall.look(beats, now) for beats, now in [(1, 0.0), (1, 0.5), (1, 1.0), (1, 60.0), (2, 60.5)]]
    [0.0, 0.5, 1.0, 2.0, 0.0]
    """

    def __init__(self, longest_step: float) -> None:
        self._longest_step = longest_step
        self._beats = -1
        self._at = 0.0
        self._for = 0.0

    def look(self, beats: int, now: float) -> float:
        """Return for how long *beats* has been the same; from one look to the next no more than a step counts."""
        moved = beats != self._beats
        self._for = 0.0 if moved else self._for + min(now - self._at, self._longest_step)
        self._beats, self._at = beats, now
        return self._for


class LoopWatch:
    """
    Watches the loop that `beat` runs in.

    * **observe** - is told how many seconds too late each beat was.
    """

    def __init__(
        self,
        observe: Callable[[float], None] = lambda _: None,
        *,
        warns_after: float = WARNS_AFTER,
        ends_after: float = ENDS_AFTER,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._observe = observe
        self._warns_after = warns_after
        self._ends_after = ends_after
        self._end = end
        self._beats = 0
        self._beating = False
        self._end_by: float | None = None
        self._over = threading.Event()
        self._loop_thread = threading.get_ident()

    async def beat(self) -> None:
        """Show that the loop turns, for ever."""
        clock = asyncio.get_running_loop().time
        self._loop_thread = threading.get_ident()
        self._beating = True
        thread = threading.Thread(target=self._look, name="loop watch", daemon=True)
        thread.start()
        try:
            while True:
                asked = clock()
                await asyncio.sleep(BEATS_EVERY)
                self._beats += 1
                self._observe(max(0.0, clock() - asked - BEATS_EVERY))
        finally:
            self._beating = False
            if self._end_by is None:
                self._over.set()  # else the thread sees the process out

    def end_within(self, seconds: float = STOPS_WITHIN) -> None:
        """End the process in that many seconds, where it has not ended by itself."""
        self._end_by = time.monotonic() + seconds

    def _look(self) -> None:
        stall, warned = Stall(longest_step=2 * LOOKS_EVERY), False
        while not self._over.wait(LOOKS_EVERY):
            now = time.monotonic()
            stalled = stall.look(self._beats, now) if self._beating else 0.0
            if self._end_by is not None and now >= self._end_by:
                self._give_up("process.ends_badly", stalled)
            elif stalled >= self._ends_after:
                self._give_up("loop.stands", stalled)
            elif stalled >= self._warns_after and not warned:
                warned = True
                self._say("loop.stalls", stalled)
            elif stalled == 0.0:
                warned = False

    def _give_up(self, event: str, stalled: float) -> None:
        self._say(event, stalled)
        self._end(FAULT)

    def _say(self, event: str, stalled: float) -> None:
        """Log where the loop is; not longer than a second, since it may be the log that it waits for."""
        told = {"seconds": round(stalled, 1), "stack": self._stack()}
        if event == "loop.stalls":
            told["ends_after"] = self._ends_after
        saying = threading.Thread(target=lambda: log.error(event, **told), daemon=True)
        saying.start()
        saying.join(SAYS_WITHIN)

    def _stack(self) -> list[str]:
        """Return the places in the code where the loop's thread is: no values, which may be personal."""
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - has no other name
        frames = traceback.extract_stack(frame)[-INNERMOST:] if frame is not None else []
        return [f"{one.filename}:{one.lineno} {one.name}" for one in frames]
