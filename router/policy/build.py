"""
Builds the policy from shapes that stand: compiles expressions, follows references, finds contradictions.

Nothing is refused here. Everything found goes to the findings, and the caller
drops the policy where there are errors.
"""

from __future__ import annotations

from router.domain.policy import (
    Engagement,
    Enrichment,
    Fit,
    FitRule,
    Form,
    HttpLookup,
    Limits,
    Policy,
    Segment,
    StageRule,
    TagRule,
)
from router.policy import names, outside, people, routes
from router.policy.dataset import Dataset
from router.policy.reading import Reading
from router.policy.shapes import PolicyShape


def build(shape: PolicyShape, dataset: Dataset, reading: Reading) -> Policy:
    """Return the policy without its version; errors are in the findings of *reading*."""
    company = frozenset(dataset.columns) | frozenset(_mapped(shape))
    calendars = people.calendars(shape, reading)
    reps = people.reps(shape, reading)
    policy = Policy(
        version="",
        forms=_forms(shape, company, reading),
        fit=_fit(shape, company, reading),
        engagement=Engagement(
            half_life=shape.engagement.half_life.millis,
            mql_at=shape.engagement.mql_at,
            points=shape.engagement.points,
        ),
        stages=_stages(shape, company, reading),
        tags=_tags(shape, company, reading),
        calendars=calendars,
        reps=reps,
        managers=people.managers(shape, reading),
        pools=people.pools(shape, reps, reading),
        routes=routes.routes(shape, company, reading),
        sla=routes.sla_targets(shape, reading),
        limits=Limits(
            max_attempts=shape.limits.max_attempts,
            misses_before_away=shape.limits.misses_before_away,
            daily_per_rep=shape.limits.daily_per_rep,
            max_age=shape.limits.max_age.millis,
            retry_after=shape.limits.retry_after.millis,
        ),
        enrichment=_enrichment(shape, dataset),
    )
    _check_somebody_hears(shape, reading)
    outside.check(shape, reading)
    return policy


def _mapped(shape: PolicyShape) -> list[str]:
    http = shape.enrichment.http if shape.enrichment else None
    return list(http.map) if http else []


def _forms(shape: PolicyShape, company: frozenset[str], reading: Reading) -> dict[str, Form]:
    found = {}
    for key, one in shape.forms.items():
        at = ("forms", key, "when")
        when = reading.expression(at, one.when, names.for_forms(company)) if one.when is not None else None
        if when is not None and one.intent != "high":
            told = f"form {key!r}: `when` guards a high intent only"
            reading.warn(at, told, "write `intent: high`, or remove `when`")
        found[key] = Form(key, one.action, one.intent, when)
    return found


def _fit(shape: PolicyShape, company: frozenset[str], reading: Reading) -> Fit:
    fit = shape.fit
    reading.unique(("fit", "rules"), "name", "fit rule", (rule.name for rule in fit.rules))
    reading.unique(("fit", "segments"), "name", "segment", (one.name for one in fit.segments))
    reading.reachable(("fit", "segments"), "segment", [(one.name, one.when) for one in fit.segments])
    rules, segments = names.for_fit(company), names.for_segments(company)
    return Fit(
        icp_at=fit.icp_at,
        rules=tuple(
            FitRule(rule.name, reading.expression(("fit", "rules", index, "when"), rule.when, rules), rule.points)
            for index, rule in enumerate(fit.rules)
        ),
        segments=tuple(
            Segment(one.name, reading.expression(("fit", "segments", index, "when"), one.when, segments))
            for index, one in enumerate(fit.segments)
        ),
    )


def _stages(shape: PolicyShape, company: frozenset[str], reading: Reading) -> tuple[StageRule, ...]:
    reading.reachable(("stages",), "stage", [(one.stage, one.when) for one in shape.stages])
    found = []
    for index, one in enumerate(shape.stages):
        at = ("stages", index, "when")
        when = reading.expression(at, one.when, names.for_stages(company))
        intent = {"form.intent", "form.action", "form.key", "lead.form"} & when.paths
        fit = {path for path in when.paths if path.startswith("fit.")}
        if one.stage == "iql" and not (intent and fit):
            told = "an IQL is fit and intent together, and this rule does not ask for both"
            reading.warn(at, told, "as in 'fit.icp && form.intent == \"high\"'")
        found.append(StageRule(one.stage, when, one.reason))
    return tuple(found)


def _tags(shape: PolicyShape, company: frozenset[str], reading: Reading) -> tuple[TagRule, ...]:
    known = names.for_tags(company)
    return tuple(
        TagRule(one.tag, reading.expression(("tags", index, "when"), one.when, known))
        for index, one in enumerate(shape.tags)
    )


def _enrichment(shape: PolicyShape, dataset: Dataset) -> Enrichment | None:
    one = shape.enrichment
    if one is None:
        return None
    return Enrichment(
        budget=one.budget.millis,
        dataset_name=one.dataset,
        dataset=dataset.companies,
        columns=dataset.columns,
        dataset_digest=dataset.digest,
        http=HttpLookup(one.http.url, one.http.secret_env, one.http.map) if one.http else None,
    )


def _check_somebody_hears(shape: PolicyShape, reading: Reading) -> None:
    """Refuse a policy by which nobody hears of a lead that no rep can take, or that all of them have passed on."""
    steps = next((index for index, route in enumerate(shape.routes) if route.steps), None)
    if not shape.managers and steps is not None:
        told = "no manager is named, and leads of this route may find no rep: somebody has to hear of them"
        reading.error(("routes", steps, "steps"), told, "add `managers:`")
