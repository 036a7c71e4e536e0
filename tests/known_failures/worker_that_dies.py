"""A worker that has changed the ledger and published nothing yet: it says so, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from tests.known_failures.overlap import submission
from tests.unit.ledger_story import START

OFFER = 60_000


async def main(url: str, workspace: str) -> None:
    """Reserve a rep for a lead, and go no further."""
    async with connect(url) as client:
        ledger = RedisLedger(client, workspace)
        [applied] = await ledger.apply([submission("L1", OFFER)], START)
        sys.stdout.write(f"{applied.code}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
