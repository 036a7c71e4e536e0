"""`lead.decided.v1`: what a submission is and where it goes, one a submission, with the reasons."""

from __future__ import annotations

from typing import Literal

from router.events.base import EventData, Id, Instant

Stage = Literal["rejected", "lead", "mql", "iql", "sql"]
Destination = Literal["sales", "nurture", "none", "attached"]


class FitRuleResult(EventData):
    """One fit rule: whether it matched, and the values it asked for that nobody knew."""

    name: str
    points: int
    matched: bool
    unknown: tuple[str, ...] = ()


class FitResult(EventData):
    """The company's fit, 0-100, whatever the person asked for."""

    score: int
    icp: bool
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
    """Where the company's facts came from; `fields` are the values that a source gave."""

    status: Literal["matched", "missed", "degraded", "skipped"]
    source: str | None = None
    fields: dict[str, object] = {}


class LeadDecided(EventData):
    """Everything that the decision used, so that it can be computed again."""

    decision_id: Id
    submission_id: Id
    lead_id: Id
    stage: Stage
    route: str | None
    to: Destination
    tags: tuple[str, ...]
    priority: int
    sla: str | None
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
    unknown: tuple[str, ...]
    test: bool = False
