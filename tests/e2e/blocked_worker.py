"""
A worker that watches itself with little patience, and that signals bring to a stand.

Run it as `python -m tests.e2e.blocked_worker worker`, with a deployment's settings. SIGUSR1 has the loop sleep for
an hour; SIGUSR2 has the ledger never answer again, without an error and while Redis is there.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import sys
import time

from router.adapters.redis.ledger import RedisLedger
from router.cli import run
from router.entrypoints.metrics import instruments
from router.entrypoints.self_watch import standing
from router.entrypoints.self_watch.loop import LoopWatch

WARNS_AFTER, ENDS_AFTER, ROUND_STANDS = 1.0, 4.0, 3.0


def sleep_for_an_hour(*_: object) -> None:
    """Do what no part of a worker may do."""
    time.sleep(3600)


def silence_the_ledger(*_: object) -> None:
    """Let each call of the ledger wait for ever."""

    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    setattr(RedisLedger, "apply", wait)  # noqa: B010 - a method is replaced


if __name__ == "__main__":
    impatient = functools.partial(LoopWatch, warns_after=WARNS_AFTER, ends_after=ENDS_AFTER)
    setattr(instruments, "LoopWatch", impatient)  # noqa: B010 - half a minute is too long for a test
    setattr(standing, "ROUND_STANDS", ROUND_STANDS)  # noqa: B010 - as above
    signal.signal(signal.SIGUSR1, sleep_for_an_hour)
    signal.signal(signal.SIGUSR2, silence_the_ledger)
    sys.exit(run(sys.argv[1:]))
