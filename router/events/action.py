"""`rep.action.v1`: what a rep did about a lead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import MAX_WHOLE, Absent, EventData, Id, Instant, Number, Text

Action = Literal["accept", "decline", "touch", "release"]
Channel = Literal["call", "email", "meeting", "chat", "sms", "other"]


class RepAction(EventData):
    """
    An answer to an assignment, or the first contact itself.

    A `touch` counts whoever made it; the others count from the present assignee
    on the present attempt, and `accept` of a waiting lead takes it.
    """

    action_id: Id
    """The same one counts once."""
    lead_id: Id
    rep_id: Id
    """Who did it."""
    action: Action
    """`touch` is the first real contact: it stops the SLA clock and frees the rep's capacity."""
    at: Instant
    """When it was done, not when the news of it was sent."""
    attempt: Annotated[int | None, Field(ge=0, le=MAX_WHOLE), Number, Absent] = None
    """The assignment that it answers; absent, the current one."""
    channel: Annotated[Channel | None, Absent] = None
    """How contact was made."""
    reason: Text = None
    """Why, in the rep's own words."""
