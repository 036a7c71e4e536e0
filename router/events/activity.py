"""`lead.activity.v1`: something that a known or unknown person did, or a company's interest seen elsewhere."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, model_validator

from router.events.base import EventData, Id, Instant, Name, Text


class LeadActivity(EventData):
    """One behaviour of a person, known by `email` or `phone`, or of a company, known by `domain`."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["email"]}, {"required": ["phone"]}, {"required": ["domain"]}]}
    )

    activity_id: Id
    """The same one counts once."""
    at: Instant
    kind: Name
    """A key of `engagement.points` in the configuration; any other is kept and counts 0."""
    email: Text = None
    phone: Text = None
    domain: Text = None
    """A company's domain, for interest that somebody else observed."""
    page_url: Text = None
    campaign: Text = None
    source: Text = None
    """Which system saw it."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.email is None and self.phone is None and self.domain is None:
            raise ValueError("one of email, phone and domain is required")
        return self
