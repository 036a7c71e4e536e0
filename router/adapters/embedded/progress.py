"""How far a group has come on the embedded log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import redis.asyncio as redis

from router.adapters.embedded.connection import ANSWERS_WITHIN, connect, within
from router.adapters.embedded.entries import PARTITION, offset_of, stream_key
from router.ports import Progress


async def progress(url: str, prefix: str, group: str, topics: Sequence[str]) -> Progress:
    """Return, of each topic, the offset up to which *group* has acknowledged every entry. Raises `DependencyDown`."""
    client = connect(url)
    try:
        return {(topic, PARTITION): await _of(client, stream_key(prefix, topic), group) for topic in topics}
    finally:
        await client.aclose()


async def _of(client: redis.Redis, key: str, group: str) -> int:
    known = next((one for one in await _groups(client, key) if one["name"] == group.encode()), None)
    if known is None:
        return 0
    pending = cast("dict[str, Any]", await within(ANSWERS_WITHIN, lambda: client.xpending(key, group)))
    return offset_of(pending["min"]) if pending["pending"] else offset_of(known["last-delivered-id"]) + 1


async def _groups(client: redis.Redis, key: str) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        try:
            return await client.xinfo_groups(key)
        except redis.ResponseError:  # no such stream
            return []

    return await within(ANSWERS_WITHIN, ask)
