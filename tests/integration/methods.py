"""Methods to put in a client library's place: they fail, or never end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


def failing(error: Exception) -> Callable[..., Awaitable[None]]:
    """Return a method that raises *error*."""

    async def fail(*_: object, **__: object) -> None:
        raise error

    return fail


async def never(*_: object, **__: object) -> None:
    """Be a method that does not end."""
    await asyncio.Event().wait()
