"""
A process that fires the ledger's timers as a worker does, and dies at the worst instant.

It has applied the first breach that it comes to and published nothing of it. The ids of the leads that this is about
are written to standard output before. Run it as `python -m tests.e2e.dying_ticker`, with a deployment's settings.
"""

from __future__ import annotations

import asyncio
import os
import signal

import orjson

from router.bootstrap import station
from router.domain.ledger.verbs import Tick
from router.pipeline.publish import deliver
from router.pipeline.render import render
from router.settings import load_settings

OFTEN = 0.005
"""Seconds between two ticks: sooner than any worker, so that it is this process which finds what is due."""


async def run() -> None:
    """Tick until a breach is in the ledger, then die."""
    async with station(load_settings()) as place, asyncio.TaskGroup() as tasks:
        tasks.create_task(place.ledger.stay_alive())
        while True:
            (applied,) = await place.ledger.apply([Tick()])
            breached = [fact["lead"] for fact in orjson.loads(applied.facts or b"[]") if fact["t"] == "breached"]
            if breached:
                print(*breached, flush=True)
                os.kill(os.getpid(), signal.SIGKILL)
            if applied.entry:
                await deliver(render(applied, place.workspace), [applied], place.log.publisher, place.ledger)
            await asyncio.sleep(OFTEN)


if __name__ == "__main__":
    asyncio.run(run())
