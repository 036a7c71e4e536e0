"""
A decision that stands on the log, as the verb that placed it.

What the log says of it stays: stage, route, priority, clock. What it does not
say (the steps with who may take the lead, who is told, when to warn) is worked
out from the submission under the policy in force, by the route of the same
name. Where that route is gone, or the submission is, less is known, and the lead
goes on with that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from router.domain.company import CompanyFacts, company_values
from router.domain.decision import Decision, lead_values, warnings
from router.domain.fit import FitResult
from router.domain.identity import identify
from router.domain.ledger.verbs import Place, Step
from router.domain.policy import Policy, Route, SlaTarget
from router.domain.routing import Audience, again, audiences
from router.errors import BadInput
from router.events.base import parse_instant
from router.events.submission import FormSubmitted
from router.pipeline import verbs

NO_CONTACT = "Contact details are no longer kept: look them up under the lead's id where the form went"
OTHER_KEY = (
    "The identity key is not the one that the leads on the log were made with. Set ROUTER_IDENTITY_KEY (or "
    "ROUTER_SECRET) to what it was."
)

Recorded = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlacedAgain:
    """The verb, the audiences that its steps name, and whether its route is still in the policy."""

    verb: Place
    audiences: tuple[Audience, ...]
    route_known: bool


def placed_again(
    recorded: Recorded, form: FormSubmitted | None, pool: str | None, policy: Policy, identity_key: bytes
) -> PlacedAgain:
    """
    Return how *recorded*, data of `lead.decided.v1`, was placed.

    * **form** - its submission, where that is still on the log.
    * **pool** - from which the lead was last assigned: all that is known of a route that is gone.

    Raises `BadInput` where the submission makes another lead of the person.
    """
    route = next((one for one in policy.routes if one.name == recorded["route"] and one.steps), None)
    decision = _decision(recorded, form, route, policy, identity_key)
    found = () if route is None else audiences(route, policy, decision.values)
    shown = form or FormSubmitted.model_construct(
        submission_id=decision.submission_id, submitted_at=decision.submitted_at, form=""
    )
    verb = verbs.place(decision, shown, found, policy, None)
    if route is None:
        only = again(Audience("", pool or next(iter(policy.pools), ""), "least_loaded", (), None, "{}"), policy)
        found, verb = (only,), replace(verb, to="sales", route=recorded["route"], steps=(Step(only.id, only.pool),))
    return PlacedAgain(verb, found, route is not None)


def went_to_sales(recorded: Recorded, policy: Policy) -> bool:
    """Tell whether an attached submission was decided to go to sales, as far as the policy in force knows its route."""
    return any(one.name == recorded["route"] and one.to == "sales" for one in policy.routes)


def _decision(
    recorded: Recorded, form: FormSubmitted | None, route: Route | None, policy: Policy, identity_key: bytes
) -> Decision:
    told = recorded["enrichment"]
    facts = CompanyFacts(told["status"], told["source"], told["fields"])
    submitted_at = parse_instant(recorded["submitted_at"])
    touch_by = recorded["touch_by"]
    sla = _target(recorded, submitted_at, policy)
    fit, intent = recorded["fit"], recorded["intent"]
    reasons = tuple(recorded["reasons"])
    return Decision(
        decision_id=recorded["decision_id"],
        submission_id=recorded["submission_id"],
        lead_id=recorded["lead_id"],
        stage=recorded["stage"],
        route=route,
        to="sales",
        tags=tuple(recorded["tags"]),
        priority=recorded["priority"],
        sla=sla,
        touch_by=None if touch_by is None else parse_instant(touch_by),
        warn_at=() if sla is None or touch_by is None else warnings(sla, submitted_at, policy),
        fit=FitResult(fit["score"], fit["icp"], fit["segment"], ()),
        intent=intent["level"],
        action=intent["action"],
        engagement_score=recorded["engagement"]["score"],
        engagement_threshold=recorded["engagement"]["threshold"],
        company=facts,
        policy_version=recorded["policy_version"],
        submitted_at=submitted_at,
        received_at=parse_instant(recorded["received_at"]),
        decided_at=parse_instant(recorded["decided_at"]),
        reasons=reasons if form is not None else (*reasons, NO_CONTACT),
        unknown=tuple(recorded["unknown"]),
        test=False,
        values=_values(recorded, form, facts, identity_key),
    )


def _target(recorded: Recorded, submitted_at: datetime, policy: Policy) -> SlaTarget | None:
    """Return what the clock runs by; where the policy does not know it any more the clock still ends when it was to."""
    if recorded["touch_by"] is None:
        return None
    name = recorded["sla"] or "unknown"
    length = (parse_instant(recorded["touch_by"]) - submitted_at) // timedelta(milliseconds=1)
    return policy.sla.get(name) or SlaTarget(name, length, "elapsed", None, (), ())


def _values(
    recorded: Recorded, form: FormSubmitted | None, facts: CompanyFacts, identity_key: bytes
) -> dict[str, object]:
    """Return what rules saw of the lead; without the submission only what the decision recorded."""
    lead: dict[str, object] = {}
    company: dict[str, object] = {**facts.fields, "known": facts.status == "matched"}
    if form is not None:
        identity = identify(form.email, form.phone, form.country, identity_key)
        if identity is None or identity.lead_id != recorded["lead_id"]:
            raise BadInput(OTHER_KEY)
        lead = lead_values(form, identity, parse_instant(recorded["submitted_at"]))
        company = company_values(form, identity, facts)
    fit, intent = recorded["fit"], recorded["intent"]
    return {
        "lead": lead,
        "company": company,
        "form": {"key": form.form if form else None, "action": intent["action"], "intent": intent["level"]},
        "engagement": {"score": recorded["engagement"]["score"]},
        "fit": {"score": fit["score"], "icp": fit["icp"], "segment": fit["segment"] or ""},
        "stage": recorded["stage"],
        "tags": tuple(recorded["tags"]),
    }


def unrecorded(lead_id: str, submission_id: str, submitted_at: str, touch_by: str | None, policy: str) -> Recorded:
    """Return what stands in for a decision that is not on the log: the lead goes on with what assignments tell."""
    nothing: Recorded = orjson.loads(_NOTHING)
    return {
        **nothing,
        "lead_id": lead_id,
        "submission_id": submission_id,
        "submitted_at": submitted_at,
        "received_at": submitted_at,
        "decided_at": submitted_at,
        "touch_by": touch_by,
        "policy_version": policy,
    }


_NOTHING = """{
  "decision_id": "", "stage": "lead", "route": null, "to": "sales", "tags": [], "priority": 0, "sla": null,
  "fit": {"score": 0, "icp": false, "segment": null, "rules": []}, "intent": {"level": "none", "action": null},
  "engagement": {"score": 0, "threshold": 0}, "enrichment": {"status": "skipped", "source": null, "fields": {}},
  "reasons": [], "unknown": [], "test": false
}"""
