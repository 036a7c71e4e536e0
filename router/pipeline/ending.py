"""
Ends tasks for certain.

To cancel once is not enough: before Python 3.12 `asyncio.wait_for` swallows a
cancellation that comes in the turn in which its result does (gh-86296), and
redis-py sends every command through one. A task that missed it would go on for
ever, and so would whoever waits for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_AFTER = 0.2  # seconds


async def end(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel *tasks*, again and again, until all have ended, whatever they raise; being cancelled meanwhile waits."""
    left, cancelled = {task for task in tasks if not task.done()}, False
    while left:
        for task in left:
            task.cancel()
        try:
            await asyncio.wait(left, timeout=AGAIN_AFTER)
        except asyncio.CancelledError:
            cancelled = True
        left = {task for task in left if not task.done()}
    await asyncio.gather(*tasks, return_exceptions=True)  # so that none of them counts as never looked at
    if cancelled:
        raise asyncio.CancelledError
