"""`rep.presence.v1`: whether a rep is there. Only `available` takes leads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import EventData, Id, Instant

PresenceStatus = Literal["available", "busy", "away", "offline"]


class RepPresence(EventData):
    """
    A rep's status from `at` on, for `ttl_seconds` (0: until the next one).

    `heartbeat` renews the ttl and changes no status. Statuses are a closed list:
    any other word is refused, never read as "available".
    """

    rep_id: Id
    status: PresenceStatus
    at: Instant
    ttl_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = 90
    heartbeat: bool = False
    source: str | None = None
