"""Tasks end although a library swallows the first cancellation."""

from __future__ import annotations

import asyncio

import pytest

from router.pipeline.ending import end


async def deaf(times: int) -> None:
    """Swallow so many cancellations, as `wait_for` may."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if not times:
                raise
            times -= 1


async def test_a_task_that_misses_a_cancellation_ends() -> None:
    """It is cancelled until it has ended."""
    tasks = [asyncio.create_task(deaf(times)) for times in (0, 1, 2)]
    await asyncio.sleep(0)
    await end(tasks)

    assert all(task.cancelled() for task in tasks)


async def test_it_waits_though_it_is_cancelled_itself() -> None:
    """Whoever waits for the end and is cancelled waits on, and then passes the cancellation on."""
    task = asyncio.create_task(deaf(1))
    ending = asyncio.create_task(end([task]))
    await asyncio.sleep(0.01)
    ending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await ending
    assert task.cancelled()


async def test_what_has_failed_already_is_no_concern() -> None:
    """A task that raised before is passed over, and its exception counts as looked at."""

    async def fail() -> None:
        raise ValueError

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await end([task])

    assert isinstance(task.exception(), ValueError)
