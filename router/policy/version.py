"""
The canonical text of a policy and the hash that is its version.

The canonical text is the configuration again, as JSON, with defaults filled in
and all that means nothing gone: comments, files, blanks, the order of what has
no order. So it can be kept, compared and read back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version as installed

from router.domain.calendar import Calendar
from router.domain.hours import DAYS
from router.domain.mail_domains import LISTS_VERSION
from router.domain.policy import Enrichment, Fit, Policy, Rep, Route, RouteStep, SlaTarget
from router.domain.seniority import CUES_VERSION

_DAY = timedelta(days=1)


def canonical(policy: Policy) -> str:
    """Return the policy as JSON; two policies that decide and place alike have the same text."""
    return json.dumps(_content(policy), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def with_version(policy: Policy) -> Policy:
    """Return the policy under the version that its content gives it."""
    digest = hashlib.sha256(canonical(policy).encode("utf-8", "surrogatepass")).hexdigest()
    return replace(policy, version=digest[:16])


def bundled(policy: Policy) -> Mapping[str, str]:
    """Return the versions of the lists outside the configuration that a decision leans on."""
    lists = {"mail_domains": LISTS_VERSION, "titles": CUES_VERSION, "publicsuffixlist": installed("publicsuffixlist")}
    if any(one.country for one in policy.calendars.values()):
        lists["holidays"] = installed("holidays")
    return lists


def _content(policy: Policy) -> dict[str, object]:
    enrichment = policy.enrichment
    return {
        "forms": {
            key: _given(action=form.action, intent=form.intent, when=form.when and form.when.text)
            for key, form in policy.forms.items()
        },
        "fit": _fit(policy.fit),
        "engagement": {
            "half_life": _millis(policy.engagement.half_life),
            "mql_at": policy.engagement.mql_at,
            "points": dict(policy.engagement.points),
        },
        "stages": [_given(stage=one.stage, when=one.when.text, reason=one.reason) for one in policy.stages],
        "tags": [{"tag": one.tag, "when": one.when.text} for one in policy.tags],
        "calendars": {name: _calendar(one) for name, one in policy.calendars.items()},
        "reps": [_rep(rep) for rep in policy.reps.values()],
        "managers": [{"id": one.id, "name": one.name, "email": one.email} for one in policy.managers.values()],
        "pools": {
            name: {"members": f"rep.id in {json.dumps(pool.members, ensure_ascii=False)}", "strategy": pool.strategy}
            for name, pool in policy.pools.items()
        },
        "routes": [_route(route) for route in policy.routes],
        "sla": {name: _target(target) for name, target in policy.sla.items()},
        "limits": _given(
            max_attempts=policy.limits.max_attempts,
            misses_before_away=policy.limits.misses_before_away,
            daily_per_rep=policy.limits.daily_per_rep,
            max_age=_millis(policy.limits.max_age),
            retry_after=_millis(policy.limits.retry_after),
        ),
        "bundled": bundled(policy),
        **({"enrichment": _enrichment(enrichment)} if enrichment else {}),
    }


def _fit(fit: Fit) -> dict[str, object]:
    return {
        "icp_at": fit.icp_at,
        "rules": [{"name": rule.name, "when": rule.when.text, "points": rule.points} for rule in fit.rules],
        "segments": [{"name": one.name, "when": one.when.text} for one in fit.segments],
    }


def _calendar(one: Calendar) -> dict[str, object]:
    hours = {day: [_span(*span) for span in spans] for day, spans in zip(DAYS, one.weekly, strict=True) if spans}
    extra = sorted(day.isoformat() for day in one.extra)
    return {
        "timezone": one.timezone,
        "hours": hours,
        "holidays": _given(country=one.country, subdivision=one.subdivision, extra=extra),
    }


def _span(start: timedelta, end: timedelta) -> str:
    return f"{_clock(start)}-{_clock(end if end <= _DAY else end - _DAY)}"


def _clock(since_midnight: timedelta) -> str:
    minutes = since_midnight // timedelta(minutes=1)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _rep(rep: Rep) -> dict[str, object]:
    return _given(
        id=rep.id,
        name=rep.name,
        email=rep.email,
        active=rep.active,
        capacity=rep.capacity,
        weight=rep.weight,
        calendar=rep.calendar,
        manager=rep.manager,
        attributes=dict(rep.attributes),
    )


def _route(route: Route) -> dict[str, object]:
    return _given(
        name=route.name,
        when=route.when.text,
        to=None if route.to == "sales" else route.to,
        priority=route.priority,
        sla=route.sla,
        escalate_to=route.escalate_to,
        sticky=list(route.sticky),
        steps=[_step(step) for step in route.steps],
    )


def _step(step: RouteStep) -> dict[str, object]:
    return _given(
        pool=step.pool,
        match=step.match and step.match.text,
        accept_within=_millis(step.accept_within),
        widen_after=_millis(step.widen_after),
    )


def _target(target: SlaTarget) -> dict[str, object]:
    return _given(
        first_touch=_millis(target.first_touch),
        clock=target.clock,
        calendar=target.calendar,
        warn_at=list(target.warn_at),
        on_breach=sorted(target.on_breach),
    )


def _enrichment(one: Enrichment) -> dict[str, object]:
    http = one.http
    return _given(
        budget=_millis(one.budget),
        dataset=one.dataset_name,
        dataset_digest=one.dataset_digest or None,
        columns=sorted(one.columns),
        http=http and _given(url=http.url, secret_env=http.secret_env, map=dict(http.fields)),
    )


def _millis(millis: int | None) -> str | None:
    return None if millis is None else f"{millis}ms"


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
