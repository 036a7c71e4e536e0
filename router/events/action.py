"""`rep.action.v1`: what a rep did about a lead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import EventData, Id, Instant

Action = Literal["accept", "decline", "touch", "release"]
Channel = Literal["call", "email", "meeting", "chat", "sms", "other"]


class RepAction(EventData):
    """An answer to an assignment. `attempt` names the one that it answers; absent, the current one."""

    action_id: Id
    lead_id: Id
    rep_id: Id
    action: Action
    at: Instant
    attempt: Annotated[int | None, Field(ge=1)] = None
    channel: Channel | None = None
    reason: Annotated[str | None, Field(max_length=2000)] = None
