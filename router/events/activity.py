"""`lead.activity.v1`: something that a known or unknown person did, or a company's interest seen elsewhere."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from router.events.base import EventData, Id, Instant
from router.events.submission import Text


class LeadActivity(EventData):
    """One behaviour. The same `activity_id` counts once; a kind without points is kept and counts 0."""

    activity_id: Id
    at: Instant
    kind: Annotated[str, Field(min_length=1, max_length=128)]
    email: Text = None
    phone: Text = None
    domain: Text = None
    page_url: Text = None
    campaign: Text = None
    source: Text = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.email is None and self.phone is None and self.domain is None:
            message = "one of email, phone and domain is required"
            raise ValueError(message)
        return self
