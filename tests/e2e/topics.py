"""Sends records to a deployment under test and waits for what comes of them, on either log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from router.bootstrap import log_of
from router.ports import Outgoing, Received
from router.settings import load_settings


def send(records: Sequence[Outgoing]) -> None:
    """Publish *records* in order, one batch each, to the log that the environment names."""

    async def publish() -> None:
        async with log_of(load_settings()) as log:
            for record in records:
                await log.publisher.publish([record])

    asyncio.run(publish())


def send_at_once(records: Sequence[Outgoing]) -> None:
    """Publish *records* in one batch."""

    async def publish() -> None:
        async with log_of(load_settings()) as log:
            await log.publisher.publish(records)

    asyncio.run(publish())


def read(*topics: str) -> list[Received]:
    """Return all records of *topics*."""

    async def collect() -> list[Received]:
        async with log_of(load_settings()) as log:
            return [record async for record in log.tail.read(topics, follow=False)]

    return asyncio.run(collect())


def wait_for(topic: str, enough: Callable[[Sequence[Received]], bool], *, within: float = 60.0) -> list[Received]:
    """Return the records of *topic* as soon as there are *enough*; fails with their number where they do not come."""
    seen: list[Received] = []

    async def follow() -> None:
        async with log_of(load_settings()) as log:
            async for record in log.tail.read([topic], follow=True):
                seen.append(record)
                if enough(seen):
                    return

    async def bounded() -> None:
        try:
            async with asyncio.timeout(within):
                await follow()
        except TimeoutError:
            message = f"{topic}: {len(seen)} records and not enough after {within} s"
            raise AssertionError(message) from None

    asyncio.run(bounded())
    return seen


def data(record: Received) -> dict[str, Any]:
    """Return the JSON data of a record that the router wrote."""
    loaded: dict[str, Any] = orjson.loads(record.value or b"")
    return loaded


def at_least(count: int) -> Callable[[Sequence[Received]], bool]:
    """Return whether there are so many records with different ids."""
    return lambda seen: len({record.headers["ce_id"] for record in seen}) >= count
