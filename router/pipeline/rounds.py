"""
What happens by time: timers of the ledger are fired, and what a dead process left in the outbox is published.

Every worker makes these rounds; there is no leader. Two that do the same do it once in the ledger, and publish it
under the same ids.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from router.domain.ledger.verbs import Tick
from router.pipeline.publish import deliver
from router.pipeline.render import render
from router.pipeline.runner import until_up
from router.ports import Applied, Ledger, Outgoing, Publisher

if TYPE_CHECKING:
    from router.pipeline.links import Signer  # as in `render`

log = structlog.get_logger()

TICK_EVERY = 0.2  # seconds: with jitter, a timer fires within 300 ms while one worker lives
SWEEP_EVERY = 0.3
SWEEPS_PAUSE = 10.0, 1.0  # times as long as a sweep took, and at most: one reads what all publishers have on their way


async def tick(ledger: Ledger, publisher: Publisher, workspace: str, signer: Signer | None = None) -> None:
    """Fire what is due, until nothing is."""
    while True:
        answers = await ledger.apply([Tick()])
        out, told = rendered(answers, workspace, signer)
        await deliver(out, told, publisher, ledger)
        if answers[0].code != "more":
            return


async def sweep(ledger: Ledger, publisher: Publisher, workspace: str, signer: Signer | None = None) -> None:
    """Publish what stands in the outbox and whose publisher is gone; go past what cannot be rendered."""
    after = b""
    while left := await ledger.abandoned(after):
        out, told = rendered(left, workspace, signer)
        await deliver(out, told, publisher, ledger)
        after = left[-1].entry


def rendered(answers: Sequence[Applied], workspace: str, signer: Signer | None) -> tuple[list[Outgoing], list[Applied]]:
    """Return the records of *answers*, and which could be rendered; one that cannot is a bug and holds up nobody."""
    out: list[Outgoing] = []
    told: list[Applied] = []
    for applied in answers:
        if applied.code == "error":
            log.error("ledger.failed", entry=applied.entry.decode(), why=applied.message)
        if not applied.entry:
            continue
        try:
            out += render(applied, workspace, signer)
        except Exception:
            log.exception("outbox.unreadable", entry=applied.entry.decode())
        else:
            told.append(applied)
    return out, told


async def keep_ticking(ledger: Ledger, publisher: Publisher, workspace: str, signer: Signer | None = None) -> None:
    """Tick every 200 ms or so, for ever."""
    while True:
        await until_up(lambda: tick(ledger, publisher, workspace, signer), "timers")
        await asyncio.sleep(TICK_EVERY * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


async def keep_sweeping(ledger: Ledger, publisher: Publisher, workspace: str, signer: Signer | None = None) -> None:
    """Sweep every 300 ms or so, under load every second, for ever."""
    clock, (share, longest) = asyncio.get_running_loop().time, SWEEPS_PAUSE
    while True:
        began = clock()
        await until_up(lambda: sweep(ledger, publisher, workspace, signer), "outbox")
        pause = max(SWEEP_EVERY, min((clock() - began) * share, longest))
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
