"""
The events of the contract: which topics there are, which types they carry, which model each type has.

Bytes and headers are in `router.events.envelope`.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.events.action import RepAction
from router.events.activity import LeadActivity
from router.events.assignment import (
    LeadAccepted,
    LeadAssigned,
    LeadClosed,
    LeadQueued,
    LeadTouched,
    LeadUnassigned,
)
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.rejection import EventRejected
from router.events.sla import SlaBreached, SlaCancelled, SlaMet, SlaResolved, SlaWarned
from router.events.submission import FormSubmitted

TOPICS: Mapping[str, Mapping[str, type[EventData]]] = {
    "form-submissions": {"form.submitted.v1": FormSubmitted},
    "lead-activities": {"lead.activity.v1": LeadActivity},
    "rep-presence": {"rep.presence.v1": RepPresence},
    "rep-actions": {"rep.action.v1": RepAction},
    "lead-outcomes": {"lead.outcome.v1": LeadOutcome},
    "lead-decisions": {"lead.decided.v1": LeadDecided},
    "lead-assignments": {
        "lead.queued.v1": LeadQueued,
        "lead.assigned.v1": LeadAssigned,
        "lead.accepted.v1": LeadAccepted,
        "lead.unassigned.v1": LeadUnassigned,
        "lead.touched.v1": LeadTouched,
        "lead.closed.v1": LeadClosed,
    },
    "rep-notifications": {"notification.requested.v1": NotificationRequested},
    "sla-events": {
        "sla.warned.v1": SlaWarned,
        "sla.breached.v1": SlaBreached,
        "sla.met.v1": SlaMet,
        "sla.resolved.v1": SlaResolved,
        "sla.cancelled.v1": SlaCancelled,
    },
    "dead-letters": {"event.rejected.v1": EventRejected},
}
"""Topic (short name) -> type -> model. The first five are read, `rep-presence` is written as well."""

INPUT_TOPICS = ("form-submissions", "lead-activities", "rep-presence", "rep-actions", "lead-outcomes")

TOPIC_OF_TYPE: Mapping[str, str] = {ce_type: topic for topic, types in TOPICS.items() for ce_type in types}
