"""Tells an open page that something has changed; what, it asks for itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

LASTS: Final = 1800.0
"""Seconds after which a page must come again, with a session that still holds."""

RETRY: Final = 1000
PING: Final = 15


def changes(told: AsyncIterator[None]) -> Response:
    """Return the stream of an event for each of *told*."""
    return EventSourceResponse(_events(told), ping=PING, headers={"Cache-Control": "no-store"})


async def _events(told: AsyncIterator[None]) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="change", data="1", retry=RETRY)  # who comes again may have missed something
    loop = asyncio.get_running_loop()
    until = loop.time() + LASTS
    try:
        while True:
            async with asyncio.timeout_at(until):
                await anext(told)
            yield ServerSentEvent(event="change", data="1")
    except (TimeoutError, StopAsyncIteration):
        return
    finally:
        await told.aclose()  # type: ignore[attr-defined]  # a generator
