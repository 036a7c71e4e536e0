"""`rep.presence.v1`: whether a rep is there. Only `available` takes leads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import Absent, EventData, Id, Instant, Number, Text

PresenceStatus = Literal["available", "busy", "away", "offline"]

MAX_TTL_SECONDS = 2**31 - 1
"""68 years: a bound that keeps "ttl runs from `at`" within every date type."""


class RepPresence(EventData):
    """
    A rep's status from `at` on, for `ttl_seconds`.

    Statuses are a closed list: any other word is refused, never read as
    "available". The newest `at` wins; an older one changes nothing.
    """

    rep_id: Id
    """A rep of the configuration."""
    status: PresenceStatus
    """Only `available` takes leads; `busy` keeps what it has, `away` and `offline` give back what is not accepted."""
    at: Instant
    """From when it holds; one that lies ahead is held to now."""
    ttl_seconds: Annotated[int, Field(ge=0, le=MAX_TTL_SECONDS), Number, Absent] = 90
    """The rep is `offline` when this passes with no newer event; 0 never expires."""
    heartbeat: Annotated[bool, Absent] = False
    """True: renews the ttl and changes no status."""
    source: Text = None
    """Who says so; `router` for an `away` that the router set after missed offers."""
