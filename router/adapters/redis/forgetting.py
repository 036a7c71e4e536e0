"""What of a person is still in Redis outside the ledger's verbs, and Redis's own file of what was once written."""

from __future__ import annotations

import asyncio
from typing import Literal, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking

File = Literal["rewritten", "being rewritten", "none", "not allowed"]

LOOKS_EVERY = 0.1  # seconds
REWRITTEN_WITHIN = 30.0  # a ledger of usual size takes less than a second


async def counts(client: Redis, workspace: str, lead_id: str) -> tuple[bool, int]:
    """Return whether there are contact details of a lead, and how many activities. Raises `DependencyDown`."""
    prefix = f"{{{workspace}}}:"
    with asking():
        card = await client.exists(f"{prefix}card:{lead_id}")
        activities = await client.zcard(f"{prefix}activity:lead:{lead_id}")
    return bool(card), int(activities)


async def unpublished(client: Redis, workspace: str, lead_id: str) -> bool:
    """Tell whether the outbox still holds facts about a lead, which may carry its card. Raises `DependencyDown`."""
    start, wanted = "-", lead_id.encode()
    while True:
        with asking():
            page = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                await client.xrange(f"{{{workspace}}}:out", min=start, count=500),
            )
        if not page:
            return False
        if any(wanted in fields.get(b"f", b"") for _, fields in page):
            return True
        start = f"({page[-1][0].decode()}"


async def rewrite_file(client: Redis) -> File:
    """
    Have the append-only file written anew, which holds every value that there ever was since the last time.

    A rewrite that is under way may have begun too early, so another one follows it. Raises `DependencyDown`.
    """
    with asking():
        info = await client.info("persistence")
    if not info.get("aof_enabled"):
        return "none"
    begun = False
    try:
        async with asyncio.timeout(REWRITTEN_WITHIN):
            while True:
                with asking():
                    info = await client.info("persistence")
                    busy = info.get("aof_rewrite_in_progress") or info.get("aof_rewrite_scheduled")
                    if not busy and begun:
                        return "rewritten"
                    if not busy:
                        await client.bgrewriteaof()
                        begun = True
                        continue
                await asyncio.sleep(LOOKS_EVERY)
    except ResponseError:
        return "not allowed"
    except TimeoutError:
        return "being rewritten"
