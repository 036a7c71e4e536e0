"""`lead.decided.v1`: what a submission is and where it goes, one a submission, with the reasons."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from router.events.base import EventData, Id, Instant

Stage = Literal["rejected", "lead", "mql", "iql", "sql"]
Destination = Literal["sales", "nurture", "none", "attached"]


class FitRuleResult(EventData):
    """One fit rule: whether it matched, and the values it asked for that nobody knew."""

    name: str
    points: int
    """What the rule gives when it matches."""
    matched: bool
    unknown: tuple[str, ...] = ()
    """Values that the rule asked for and nobody knew."""


class FitResult(EventData):
    """The company's fit, whatever the person asked for."""

    score: int
    icp: bool
    """Whether the company is one of those that the product is made for."""
    segment: str | None
    rules: tuple[FitRuleResult, ...]


class IntentResult(EventData):
    """What the person asked for, whoever they are."""

    level: Literal["high", "low", "none"]
    action: str | None


class EngagementResult(EventData):
    """Behaviour, faded to the moment of the decision."""

    score: float
    threshold: int


class EnrichmentResult(EventData):
    """What was looked up about the company, and where."""

    status: Literal["matched", "missed", "degraded", "skipped"]
    """`degraded`: no answer in time, so the form alone was used; `skipped`: nothing to look up, or no source."""
    source: str | None = None
    fields: dict[str, object] = Field(default_factory=dict)
    """The values that the source gave."""


class LeadDecided(EventData):
    """Everything that the decision used, so that it can be computed again."""

    decision_id: Id
    submission_id: Id
    lead_id: Id
    """The same for the same person in a workspace; reveals neither address nor number."""
    stage: Stage
    route: str | None
    """Name of the matched route."""
    to: Destination
    """`attached`: the lead was open already, and its rep hears of the repeat."""
    tags: tuple[str, ...]
    priority: int
    """Higher is served first from a queue."""
    sla: str | None
    """Name of the target whose clock runs."""
    touch_by: Instant | None
    fit: FitResult
    intent: IntentResult
    engagement: EngagementResult
    enrichment: EnrichmentResult
    policy_version: str
    submitted_at: Instant
    received_at: Instant
    decided_at: Instant
    reasons: tuple[str, ...]
    """Sentences that a salesperson understands."""
    unknown: tuple[str, ...]
    """Values that a rule asked for and nobody knew."""
    test: bool = False
    """True for a test submission: `to` is what it would have been."""
