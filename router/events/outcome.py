"""`lead.outcome.v1`: what became of a lead, mostly told by a CRM."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from router.events.base import EventData, Id, Instant

Outcome = Literal["sales_accepted", "sales_rejected", "opportunity", "won", "lost", "disqualified"]


class LeadOutcome(EventData):
    """`disqualified`, `won` and `lost` close the lead; the others are recorded."""

    outcome_id: Id
    lead_id: Id
    outcome: Outcome
    at: Instant
    reason: Annotated[str | None, Field(max_length=2000)] = None
    amount: float | None = None
    currency: Annotated[str | None, Field(max_length=3)] = None
