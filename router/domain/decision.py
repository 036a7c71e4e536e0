"""
Decides what a submission is and where it goes: fit, intent, stage, tags, route, clock, and the reasons.

Pure: the same arguments give the same decision, to the last field. Whether the
lead is open already, and so attached or reopened, only the ledger knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol, TypeVar

import orjson

from router.domain import reasons
from router.domain.company import CompanyFacts, Mailbox, company_values, country_code, mailbox
from router.domain.expressions import Expression, Scope
from router.domain.fit import FitResult, assess
from router.domain.identity import Identity
from router.domain.policy import Form, Intent, Policy, Route, SlaTarget, Stage
from router.domain.seniority import Seniority, seniority_of
from router.events.base import rfc3339
from router.events.submission import FormSubmitted

__all__ = ["CompanyFacts", "Decision", "decide", "decision_id", "lead_values", "warnings", "wire"]

AHEAD = timedelta(minutes=5)
"""A `submitted_at` further ahead of the clock than this is taken as now."""

_MILLISECOND = timedelta(milliseconds=1)  # times a number is far quicker than a `timedelta` of that number


@dataclass(frozen=True, slots=True)
class Decision:
    """
    All of `lead.decided.v1`, and what placing the lead needs beside it.

    * **submitted_at** - the effective one: where every clock of the lead starts.
    * **route**, **sla** - what matched, whole; None where nothing did or no clock runs.
    * **warn_at** - each warning's threshold and its instant.
    * **values** - what rules saw of the lead, root by root; a step's `match` is evaluated over it.
    """

    decision_id: str
    submission_id: str
    lead_id: str
    stage: Stage
    route: Route | None
    to: Literal["sales", "nurture", "none"]
    tags: tuple[str, ...]
    priority: int
    sla: SlaTarget | None
    touch_by: datetime | None
    warn_at: tuple[tuple[float, datetime], ...]
    fit: FitResult
    intent: Intent
    action: str | None
    engagement_score: float
    engagement_threshold: int
    company: CompanyFacts
    policy_version: str
    submitted_at: datetime
    received_at: datetime
    decided_at: datetime
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]
    test: bool
    values: Mapping[str, object]


def decision_id(submission_id: str) -> str:
    """
    Return the id of a submission's decision: one each, whoever decides.

    >>> decision_id("sub-1")
    'dec_0a80627d4936eb43952d81100a9be687'
    """
    return "dec_" + hashlib.sha256(submission_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def decide(
    submission: FormSubmitted,
    identity: Identity,
    facts: CompanyFacts,
    engagement_score: float,
    policy: Policy,
    *,
    received_at: datetime,
    now: datetime,
) -> Decision:
    """
    Decide one submission.

    * **identity** - who it is, from `router.domain.identity`.
    * **facts** - what enrichment said of the company.
    * **engagement_score** - behaviour up to now, faded.
    * **received_at**, **now** - when the submission was taken and when it is decided.
    """
    now = _whole_millis(now)
    submitted_at = submission.submitted_at
    ahead = submitted_at - now > AHEAD
    if ahead:
        submitted_at = now
    too_old = now - submitted_at > policy.limits.max_age * _MILLISECOND
    engagement_score = round(engagement_score, 3)  # as it is recorded, so that it can be decided again
    seniority = seniority_of(submission.job_title)
    form = policy.forms.get(submission.form)

    mail = mailbox(identity.email_host) if identity.email_host is not None else None
    values: dict[str, object] = {
        "lead": _lead_values(submission, identity, mail, seniority, submitted_at),
        "company": (company := company_values(submission, identity, facts)),
        "form": {"key": submission.form, "action": form.action if form else None},
        "engagement": {"score": engagement_score},
    }
    scope = Scope(values, policy.paths)
    unknown: dict[str, None] = {}

    fit = assess(policy.fit, scope)
    for rule in fit.open_rules:
        unknown.update(dict.fromkeys(rule.unknown))
    for _, missing in fit.open_segments:
        unknown.update(dict.fromkeys(missing))
    values["fit"] = {"score": fit.score, "icp": fit.icp, "segment": fit.segment or ""}

    level = _intent(form, scope, unknown)
    values["form"] = {"key": submission.form, "action": form.action if form else None, "intent": level}
    scope.add("form", values["form"])

    stage_rule, open_stages = _first(policy.stages, scope, unknown)
    stage: Stage = stage_rule.stage if stage_rule is not None else "lead"
    values["stage"] = stage
    scope.add("stage", stage)

    tags = _tags(policy, scope, unknown)
    values["tags"] = tags
    scope.add("tags", tags)

    route: Route | None = None
    open_routes: Sequence[tuple[Route, tuple[str, ...]]] = ()
    if stage != "rejected" and not too_old:
        route, open_routes = _first(policy.routes, scope, unknown)
    if route is not None:
        _ask_before_reps(route, scope, unknown)
    to: Literal["sales", "nurture", "none"] = "nurture" if route is None else route.to
    if stage == "rejected":
        to = "none"
    sla = policy.sla.get(route.sla) if route is not None and route.sla is not None else None
    touch_by, warn_at = _clock(sla, submitted_at, policy)

    told = [
        *_of_time(policy, ahead=ahead, too_old=too_old),
        *reasons.of_intent(submission.form, form, level),
        *reasons.of_company(company, facts, fit, free_email=mail == "free"),
        *reasons.of_seniority(seniority.level),
        *reasons.of_fit(fit, policy.fit),
        *reasons.of_engagement(engagement_score, policy.engagement),
        *reasons.of_stage(stage, stage_rule, [(rule.stage, missing) for rule, missing in open_stages]),
    ]
    if stage != "rejected" and not too_old:
        told += reasons.of_route(route, sla, [(one.name, missing) for one, missing in open_routes])

    return Decision(
        decision_id=decision_id(submission.submission_id),
        submission_id=submission.submission_id,
        lead_id=identity.lead_id,
        stage=stage,
        route=route,
        to=to,
        tags=tags,
        priority=route.priority if route is not None else 0,
        sla=sla,
        touch_by=touch_by,
        warn_at=warn_at,
        fit=fit,
        intent=level,
        action=form.action if form is not None else None,
        engagement_score=engagement_score,
        engagement_threshold=policy.engagement.mql_at,
        company=facts,
        policy_version=policy.version,
        submitted_at=submitted_at,
        received_at=received_at,
        decided_at=now,
        reasons=tuple(told),
        unknown=tuple(unknown),
        test=submission.test,
        values=values,
    )


def wire(decision: Decision) -> dict[str, object]:
    """Return the data of `lead.decided.v1` as JSON knows it, instants written out."""
    data = told(decision)
    fit = decision.fit
    return data | {
        "tags": list(decision.tags),
        "fit": {
            "score": fit.score,
            "icp": fit.icp,
            "segment": fit.segment,
            "rules": [
                {"name": rule.name, "points": rule.points, "matched": rule.matched, "unknown": list(rule.unknown)}
                for rule in fit.rules
            ],
        },
        "reasons": list(decision.reasons),
        "unknown": list(decision.unknown),
    }


def told(decision: Decision) -> dict[str, object]:
    """Return the same for who writes it as JSON at once with orjson: tuples in it, and outcomes of rules as written."""
    fit = decision.fit
    return {
        "decision_id": decision.decision_id,
        "submission_id": decision.submission_id,
        "lead_id": decision.lead_id,
        "stage": decision.stage,
        "route": decision.route.name if decision.route is not None else None,
        "to": decision.to,
        "tags": decision.tags,
        "priority": decision.priority,
        "sla": decision.sla.name if decision.sla is not None else None,
        "touch_by": rfc3339(decision.touch_by) if decision.touch_by is not None else None,
        "fit": {"score": fit.score, "icp": fit.icp, "segment": fit.segment, "rules": _rules(fit)},
        "intent": {"level": decision.intent, "action": decision.action},
        "engagement": {"score": decision.engagement_score, "threshold": decision.engagement_threshold},
        "enrichment": {
            "status": decision.company.status,
            "source": decision.company.source,
            "fields": dict(decision.company.fields),
        },
        "policy_version": decision.policy_version,
        "submitted_at": rfc3339(decision.submitted_at),
        "received_at": rfc3339(decision.received_at),
        "decided_at": rfc3339(decision.decided_at),
        "reasons": decision.reasons,
        "unknown": decision.unknown,
        "test": decision.test,
    }


def _rules(fit: FitResult) -> list[orjson.Fragment]:
    return [_written(rule.name, rule.points, rule.matched, rule.unknown) for rule in fit.rules]


@lru_cache(maxsize=4096)
def _written(name: str, points: int, matched: bool, unknown: tuple[str, ...]) -> orjson.Fragment:  # noqa: FBT001 - fields
    row = {"name": name, "points": points, "matched": matched, "unknown": unknown}
    return orjson.Fragment(orjson.dumps(row))


class _Rule(Protocol):
    @property
    def when(self) -> Expression: ...


_R = TypeVar("_R", bound=_Rule)


def _first(
    rules: Sequence[_R],
    scope: Scope,
    unknown: dict[str, None],
) -> tuple[_R | None, list[tuple[_R, tuple[str, ...]]]]:
    """Return the first rule that matches, and those before it that could not be told for want of a value."""
    undecided: list[tuple[_R, tuple[str, ...]]] = []
    for rule in rules:
        verdict = rule.when.evaluate(scope)
        if verdict.matched:
            return rule, undecided
        if verdict.unknown:
            unknown.update(dict.fromkeys(verdict.unknown))
            undecided.append((rule, verdict.unknown))
    return None, undecided


def _ask_before_reps(route: Route, scope: Scope, unknown: dict[str, None]) -> None:
    """Evaluate each step's `match` before there is a rep: what it then lacks of the lead, no rep can make good."""
    for step in route.steps:
        if step.match is not None:
            missing = step.match.evaluate(scope).unknown
            unknown.update((path, None) for path in missing if not path.startswith("rep."))


def _intent(form: Form | None, scope: Scope, unknown: dict[str, None]) -> Intent:
    if form is None:
        return "none"
    if form.when is None or form.intent != "high":
        return form.intent
    verdict = form.when.evaluate(scope)
    unknown.update(dict.fromkeys(verdict.unknown))
    return "high" if verdict.matched else "low"


def _tags(policy: Policy, scope: Scope, unknown: dict[str, None]) -> tuple[str, ...]:
    tags: dict[str, None] = {}
    for rule in policy.tags:
        verdict = rule.when.evaluate(scope)
        if verdict.matched:
            tags[rule.tag] = None
        else:
            unknown.update(dict.fromkeys(verdict.unknown))
    return tuple(tags)


def _clock(
    sla: SlaTarget | None,
    start: datetime,
    policy: Policy,
) -> tuple[datetime | None, tuple[tuple[float, datetime], ...]]:
    if sla is None:
        return None, ()
    calendar = policy.calendars.get(sla.calendar) if sla.clock == "working" and sla.calendar is not None else None

    def after(millis: int) -> datetime:
        length = millis * _MILLISECOND
        return calendar.add_open(start, length) if calendar is not None else start + length

    warnings = tuple((share, after(int(sla.first_touch * share))) for share in sla.warn_at)
    return after(sla.first_touch), warnings


def lead_values(submission: FormSubmitted, identity: Identity, submitted_at: datetime) -> dict[str, object]:
    """Return `lead` as rules see it."""
    mail = mailbox(identity.email_host) if identity.email_host is not None else None
    return _lead_values(submission, identity, mail, seniority_of(submission.job_title), submitted_at)


def warnings(sla: SlaTarget, start: datetime, policy: Policy) -> tuple[tuple[float, datetime], ...]:
    """Return each threshold of a clock that runs from *start*, and its instant."""
    return _clock(sla, start, policy)[1]


def _lead_values(
    submission: FormSubmitted,
    identity: Identity,
    mail: Mailbox | None,
    seniority: Seniority,
    submitted_at: datetime,
) -> dict[str, object]:
    values: dict[str, object] = {
        **submission.__dict__,  # the fields as they are; a dump would cost more than all rules together
        "submitted_at": submitted_at,
        "email": identity.email,
        "phone": identity.phone,
        "country": country_code(submission.country),
        "email_domain": identity.email_host,
        "free_email": mail == "free",
        "disposable_email": mail == "disposable",
        "seniority": seniority.level,
        "seniority_rank": seniority.rank,
        "department": seniority.department,
    }
    if submission.utm is not None:
        values["utm"] = submission.utm.__dict__
    return values


def _of_time(policy: Policy, *, ahead: bool, too_old: bool) -> list[str]:
    told = []
    if ahead:
        told.append("The form's time lay ahead of the clock: taken as now")
    if too_old:
        limit = reasons.duration(policy.limits.max_age)
        told.append(f"Submitted longer ago than {limit}: no call any more, nurture")
    return told


def _whole_millis(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
