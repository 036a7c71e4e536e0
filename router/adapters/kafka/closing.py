"""
Ends aiokafka's clients within a time, also where a part of one has died, and waits for other ends.

The clients' own `stop` waits without a limit for brokers that may be gone, and gives up
half-way where a task of the client died, leaving its connections open.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.client import AIOKafkaClient  # type: ignore[import-untyped]  # as above

LOOKS_EVERY = 0.02  # seconds
SWEEPS = 20

_log = structlog.get_logger(__name__)


async def close(client: AIOKafkaConsumer | AIOKafkaProducer, within: float) -> None:
    """Stop *client* in good order within that many seconds, or else break its connections; raises nothing."""
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001 - has no other name
    try:
        problem = await ends_within(within, client.stop())
    except asyncio.CancelledError:
        _break(inner)
        raise
    if problem is not None:
        _log.warning("kafka_client_closed_badly", problem=repr(problem))
        _break(inner)


async def ends_within(seconds: float, ending: Coroutine[Any, Any, None]) -> BaseException | None:
    """
    Run *ending* for that long at most, and return what went wrong.

    It has a task of its own: what it awaits may swallow a cancellation or end by
    one, as aiokafka's tasks and mode's services do, and neither is the caller's.
    """
    task = asyncio.create_task(ending)
    try:
        await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()
    return task.exception() if task.done() and not task.cancelled() else TimeoutError()


def _break(client: AIOKafkaClient) -> None:
    """Close the connections, which fails what waits for an answer."""
    if client._sync_task is not None:  # noqa: SLF001 - what its own `close` does, but for waiting
        client._sync_task.cancel()  # noqa: SLF001 - as above
    for connection in list(client._conns.values()):  # noqa: SLF001 - as above
        connection.close()


async def ended(thread: threading.Thread | None) -> None:
    """Wait until *thread* has ended; its end wakes no event loop, so it is looked at."""
    while thread is not None and thread.is_alive():  # noqa: ASYNC110 - a thread sets no asyncio.Event
        await asyncio.sleep(LOOKS_EVERY)


async def sweep(service: object) -> None:
    """
    Cancel what a crashed *service* of mode's left behind, again and again: some of its tasks survive the first time.

    Otherwise they would keep this process from ending. Its thread ends by itself.
    """
    for _ in range(SWEEPS):
        left = [task for task in asyncio.all_tasks() if _is_of(service, task)]
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.1)
    _log.warning("consumer_left_tasks")


def _is_of(service: object, task: asyncio.Task[Any]) -> bool:
    frame = getattr(task.get_coro(), "cr_frame", None)
    owner = frame.f_locals.get("self") if frame is not None else None
    beacon = getattr(owner, "beacon", None)  # its place in the tree of services
    return owner is not None and (owner is service or (beacon is not None and (beacon.root or beacon).data is service))


async def in_full(ending: Coroutine[None, None, None]) -> None:
    """Await *ending* to its end, also when this task is cancelled, and again cancelled, meanwhile."""
    task, cancelled = asyncio.create_task(ending), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


@contextmanager
def lost_connections() -> Iterator[None]:
    """
    Make an `OSError` of what uvloop raises for a connection that was reset a moment ago.

    It is a plain RuntimeError ("the handler is closed"), which aiokafka lets
    through (aio-libs/aiokafka 1038). To be put around calls of aiokafka only.
    """
    try:
        yield
    except RuntimeError as error:
        if type(error) is not RuntimeError:
            raise
        raise ConnectionResetError(str(error)) from error
