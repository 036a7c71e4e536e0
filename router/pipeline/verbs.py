"""Events and decisions as verbs of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import orjson

from router.domain.decision import Decision, told
from router.domain.ledger.verbs import Act, Attend, Audience, Clock, Close, Place, Step
from router.domain.policy import Policy
from router.domain.routing import Audience as Found
from router.events.action import RepAction
from router.events.base import to_millis
from router.events.outcome import LeadOutcome
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted


def audience(found: Found, version: str | None = None) -> Audience:
    """Return the verb that makes an audience known; *version* names the policy that it was worked out under."""
    return Audience(found.id, found.pool, found.strategy, found.members, found.match, found.values, version)


def place(
    decision: Decision, form: FormSubmitted, audiences: tuple[Found, ...], policy: Policy, trace: str | None
) -> Place:
    """Return the verb that brings a decided submission into the ledger; *audiences* are those of its route's steps."""
    route = decision.route if decision.to == "sales" else None
    steps = route.steps if route else ()
    return Place(
        submission_id=decision.submission_id,
        lead_id=decision.lead_id,
        to=decision.to,
        stage=decision.stage,
        submitted_at=to_millis(decision.submitted_at),
        received_at=to_millis(decision.received_at),
        decided_at=to_millis(decision.decided_at),
        policy_version=decision.policy_version,
        decision=orjson.dumps(told(decision)).decode(),
        card=orjson.dumps(card(decision, form)).decode(),
        route=route.name if route else None,
        priority=decision.priority,
        clock=_clock(decision, policy),
        steps=tuple(
            Step(found.id, step.pool, step.accept_within, step.widen_after)
            for step, found in zip(steps, audiences, strict=True)
        ),
        escalate_to=_escalation(decision, policy),
        considered=policy.considered[route.name] if route else 0,
        company=_company(decision),
        sticky_account=route is not None and "account" in route.sticky,
        trace=trace,
    )


def _company(decision: Decision) -> str | None:
    known = decision.values["company"]
    domain = known.get("domain") if isinstance(known, Mapping) else None
    return str(domain) if domain is not None else None


def _clock(decision: Decision, policy: Policy) -> Clock | None:
    if decision.sla is None or decision.touch_by is None:
        return None
    start = decision.submitted_at
    calendar = policy.calendars.get(decision.sla.calendar or "") if decision.sla.clock == "working" else None
    spans = calendar.openings(start, start + timedelta(milliseconds=policy.limits.max_age)) if calendar else None
    return Clock(
        target=decision.sla.name,
        first_touch=decision.sla.first_touch,
        due_at=to_millis(decision.touch_by),
        warn_at=tuple((share, to_millis(at)) for share, at in decision.warn_at),
        on_breach=decision.sla.on_breach,
        open=tuple((to_millis(since), to_millis(until)) for since, until in spans) if spans is not None else None,
    )


def _escalation(decision: Decision, policy: Policy) -> str | None:
    if decision.route is not None and decision.route.escalate_to is not None:
        return decision.route.escalate_to
    return next(iter(policy.managers), None)


def card(decision: Decision, form: FormSubmitted) -> dict[str, object]:
    """Return what a rep needs on one screen to call within a minute."""
    company = decision.company.fields.get("name") or form.company
    return {
        "name": " ".join(part for part in (form.first_name, form.last_name) if part) or None,
        "company": str(company) if company is not None else None,
        "job_title": form.job_title,
        "email": form.email,
        "phone": form.phone,
        "form": form.form,
        "message": form.message,
        "stage": decision.stage,
        "reasons": decision.reasons,
    }


def attend(event: RepPresence, trace: str | None) -> Attend:
    """Return the verb of a presence."""
    return Attend(event.rep_id, event.status, to_millis(event.at), event.ttl_seconds * 1000, event.heartbeat, trace)


def act(event: RepAction, trace: str | None) -> Act:
    """Return the verb of what a rep did."""
    at = to_millis(event.at)
    return Act(event.action_id, event.lead_id, event.rep_id, event.action, at, event.attempt, event.channel, trace)


def close(event: LeadOutcome, trace: str | None) -> Close:
    """Return the verb of an outcome."""
    return Close(event.outcome_id, event.lead_id, event.outcome, to_millis(event.at), trace)
