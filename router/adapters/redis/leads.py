"""Looks up how the ledger has a lead. Reads only, and of what is kept only what is not personal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.domain.lead_story.shape import Standing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RedisLeads:
    """The leads of one workspace's ledger."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"

    async def of(self, lead_id: str) -> Standing | None:
        """Return how the lead stands; None where the ledger does not know it. Raises `DependencyDown`."""
        with asking():
            kept = await self._client.get(f"{self._prefix}lead:{lead_id}")
        if kept is None:
            return None
        lead: dict[str, Any] = orjson.loads(kept)
        clock = lead.get("clock") or {}
        return Standing(
            state=lead["state"],
            attempt=lead["attempt"],
            rep_id=lead.get("rep"),
            touch_by=_instant(clock.get("due_at")),
            parked=bool(lead.get("parked")),
            first=_instant(lead.get("first")),
            erased=_instant(lead.get("erased")),
        )


def _instant(millis: float | None) -> datetime | None:
    return None if millis is None else _EPOCH + timedelta(milliseconds=millis)
