"""
A worker that watches itself with little patience, and whose event loop a signal stops for good.

Run it as `python -m tests.e2e.blocked_worker`, with a deployment's settings. SIGUSR1 makes the loop sleep for an hour.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import time

import uvloop

from router.entrypoints import worker
from router.entrypoints.logs import set_up_logs
from router.entrypoints.metrics import instruments
from router.entrypoints.self_watch.loop import LoopWatch
from router.settings import load_settings

WARNS_AFTER, ENDS_AFTER = 1.0, 4.0


def sleep_for_an_hour() -> None:
    """Do what no part of a worker may do."""
    time.sleep(3600)


def get_ready() -> None:
    """Wait for the signal."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, sleep_for_an_hour)


if __name__ == "__main__":
    impatient = functools.partial(LoopWatch, warns_after=WARNS_AFTER, ends_after=ENDS_AFTER)
    setattr(instruments, "LoopWatch", impatient)  # noqa: B010 - half a minute is too long for a test
    set_up_logs("json")
    uvloop.run(worker.run_worker(load_settings(), ready=get_ready))
