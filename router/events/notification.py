"""`notification.requested.v1`: somebody must hear of something, with all that they need on one screen."""

from __future__ import annotations

from typing import Literal

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
    """Signed addresses; present when a public address is configured."""

    accept: str | None = None
    decline: str | None = None
    touched: str | None = None
    view: str | None = None


class NotificationRequested(EventData):
    """`notification_id` is the idempotency key of whoever sends it."""

    notification_id: Id
    kind: NotificationKind
    recipient: Recipient
    lead_id: Id
    attempt: int
    touch_by: Instant | None
    title: str
    text: str
    lead: LeadCard
    links: Links | None = None
