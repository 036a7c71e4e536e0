"""`lead.outcome.v1`: what became of a lead, mostly told by a CRM."""

from __future__ import annotations

from typing import Annotated, Literal

from router.events.base import Absent, EventData, Id, Instant, Number, Text

Outcome = Literal["sales_accepted", "sales_rejected", "opportunity", "won", "lost", "disqualified"]


class LeadOutcome(EventData):
    """One step of a lead in sales; the same `outcome_id` counts once."""

    outcome_id: Id
    lead_id: Id
    outcome: Outcome
    """`disqualified`, `won` and `lost` close the lead; the others are recorded."""
    at: Instant
    reason: Text = None
    amount: Annotated[float | None, Number, Absent] = None
    """What it is worth, in `currency`."""
    currency: Text = None
    """ISO 4217."""
