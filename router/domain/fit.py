"""
How well a company suits us: points of the rules, the ICP threshold, the segment.

What the person asked for is for `router.domain.decision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from router.domain.expressions import Scope
from router.domain.policy import Fit


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's outcome; `unknown` are the values that it asked for and nobody knew."""

    name: str
    points: int
    matched: bool
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FitResult:
    """
    The fit of one lead.

    `open_segments` are those before `segment` that could not be told for want of a value:
    (segment, what was not known).
    """

    score: int
    icp: bool
    segment: str | None
    rules: tuple[RuleResult, ...]
    open_segments: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def open_rules(self) -> tuple[RuleResult, ...]:
        """Return the rules that could not be told for want of a value."""
        return tuple(rule for rule in self.rules if rule.unknown)


def assess(fit: Fit, scope: Scope) -> FitResult:
    """Score the lead in *scope* and add `fit` to the scope. The sum is held within 0-100 once, at the end."""
    total = 0
    results = []
    for rule in fit.rules:
        verdict = rule.when.evaluate(scope)
        if verdict.matched:
            total += rule.points
        results.append(_result(rule.name, rule.points, verdict.matched, verdict.unknown))
    score = held(total)
    icp = score >= fit.icp_at
    if fit.segments_ask_for_it:
        scope.add("fit", {"score": score, "icp": icp})
    segment, open_segments = _segment(fit, scope)
    # a lead without a segment has "", so that a rule can compare: it is decided, not unknown
    scope.add("fit", {"score": score, "icp": icp, "segment": segment or ""})
    return FitResult(score, icp, segment, tuple(results), open_segments)


@lru_cache(maxsize=4096)
def _result(name: str, points: int, matched: bool, unknown: tuple[str, ...]) -> RuleResult:  # noqa: FBT001 - as its fields
    """Return a rule's outcome, of which there are few: the same one for all leads."""
    return RuleResult(name, points, matched, unknown)


def held(total: int) -> int:
    """
    Hold a sum of points within 0-100.

    >>> held(-30), held(40), held(130)
    (0, 40, 100)
    """
    return min(100, max(0, total))


def _segment(fit: Fit, scope: Scope) -> tuple[str | None, tuple[tuple[str, tuple[str, ...]], ...]]:
    undecided: list[tuple[str, tuple[str, ...]]] = []
    for one in fit.segments:
        verdict = one.when.evaluate(scope)
        if verdict.matched:
            return one.name, tuple(undecided)
        if verdict.unknown:
            undecided.append((one.name, verdict.unknown))
    return None, tuple(undecided)
