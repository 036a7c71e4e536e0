"""Sees whether what is in work goes on while log and Redis answer, and gives up where it does not."""

from __future__ import annotations

import asyncio
from typing import Final

from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.progress import Progress
from router.errors import Stands

LOOKS_EVERY: Final = 1.0  # seconds
ROUND_STANDS: Final = 60.0
"""Seconds after which a round stands that comes round several times a second."""
BATCH_STANDS: Final = 120.0
"""Seconds after which a batch stands that takes less than one."""
INPUT_STANDS: Final = 120.0
"""Seconds after which input stands of which there is some and none is taken."""

ADVICE: Final = "Start this process again; what it had in work comes again."


async def until_it_stands(progress: Progress, outages: Outages) -> None:
    """Look for ever; raises `Stands` with what does not go on."""
    clock = asyncio.get_running_loop().time
    looked = clock()
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        before, looked = looked, clock()
        if not outages.down:
            progress.elapse(min(looked - before, 2 * LOOKS_EVERY))  # more: it was stopped meanwhile
        if problem := standing(progress):
            raise Stands(f"{problem} while log and Redis answer. {ADVICE}")


def standing(progress: Progress, share: float = 1.0) -> str:
    """Return what has stood for its time, or for that *share* of it; empty where all goes on."""
    name, seconds = progress.latest_round()
    if seconds >= ROUND_STANDS * share:
        return f"The round {name!r} has not come round for {seconds:.0f} s"
    name, seconds = progress.longest_in_work()
    if seconds >= BATCH_STANDS * share:
        return f"A batch of {name} has been in work for {seconds:.0f} s"
    name, seconds = progress.longest_untaken()
    if seconds >= INPUT_STANDS * share:
        return f"Nothing of {name} was taken for {seconds:.0f} s, though there is some,"
    return ""
