"""
`python -m tests.chaos.moved_clock worker`: the router with a wall clock that is off by what a file says.

The file is named by an environment variable, holds seconds, and may change at any time.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

FILE = "CHAOS_CLOCK"


def move_clock(file: Path) -> None:
    """Let this process believe that it is as much later as *file* says."""
    true_time = time.time

    def moved() -> float:
        return true_time() + float(file.read_text(encoding="ascii"))

    time.time = moved

    from router.bootstrap import SystemClock  # noqa: PLC0415 - what it imports is to find the clock moved

    def now(self: SystemClock) -> datetime:  # noqa: ARG001 - as the method that it stands for
        return datetime.fromtimestamp(moved(), UTC)

    SystemClock.now = now  # type: ignore[method-assign]  # as meant


if __name__ == "__main__":
    move_clock(Path(os.environ[FILE]))
    from router.cli import main

    main()
