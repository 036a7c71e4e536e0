"""`notification.requested.v1`: somebody must hear of something, with all that they need on one screen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import EventData, Id, Instant

NotificationKind = Literal[
    "assigned",
    "reminder",
    "unassigned",
    "repeat",
    "superseded",
    "sla_warning",
    "sla_breach",
    "no_rep_available",
]


class Recipient(EventData):
    """Who is told."""

    type: Literal["rep", "manager"]
    id: Id


class LeadCard(EventData):
    """What a rep needs to call within a minute."""

    name: str | None = None
    company: str | None = None
    job_title: str | None = None
    email: str | None = None
    phone: str | None = None
    form: str | None = None
    message: str | None = None
    stage: str | None = None
    reasons: tuple[str, ...] = ()


class Links(EventData):
    """Signed addresses that act for the recipient; nobody else should have them."""

    accept: str | None = None
    decline: str | None = None
    touched: str | None = None
    view: str | None = None


class NotificationRequested(EventData):
    """One message to one person."""

    notification_id: Id
    """The idempotency key of whoever sends it."""
    kind: NotificationKind
    recipient: Recipient
    lead_id: Id
    attempt: Annotated[int, Field(ge=0)]
    """The assignment it speaks of; a newer one makes it stale."""
    touch_by: Instant | None
    """After this nobody needs to hear of it."""
    title: str
    text: str
    lead: LeadCard
    links: Links | None = None
    """Present when a public address is configured."""
