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

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.client import AIOKafkaClient  # type: ignore[import-untyped]  # as above

LOOKS_EVERY = 0.02  # seconds

_log = structlog.get_logger(__name__)


async def close(client: AIOKafkaConsumer | AIOKafkaProducer, within: float) -> None:
    """Stop *client* in good order within that many seconds, or else break its connections; raises nothing."""
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client  # noqa: SLF001 - has no other name
    stopping = asyncio.create_task(client.stop())  # a task of its own: it may end by a cancellation that is not ours
    try:
        await asyncio.wait([stopping], timeout=within)
    finally:
        if not stopping.done():
            stopping.cancel()
            _break(inner)
    problem = TimeoutError() if stopping.cancelled() or not stopping.done() else stopping.exception()
    if problem is not None:
        _log.warning("kafka_client_closed_badly", problem=repr(problem))
        _break(inner)


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
