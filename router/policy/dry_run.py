"""Decides one submission from given facts, without a server: for `router decide` and for a configuration's cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from router.domain.company import SKIPPED, CompanyFacts, company_domain
from router.domain.decision import Decision, decide
from router.domain.engagement import score
from router.domain.identity import Identity, identify
from router.domain.policy import Policy
from router.errors import BadInput
from router.events.activity import LeadActivity
from router.events.submission import FormSubmitted
from router.policy.names import COMPANY
from router.policy.problems import did_you_mean

M = TypeVar("M", bound=BaseModel)


def dry_run(
    data: Mapping[str, object],
    policy: Policy,
    *,
    key: bytes,
    at: datetime,
    company: Mapping[str, object] | None = None,
    activities: Sequence[Mapping[str, object]] = (),
) -> Decision:
    """
    Decide the submission *data* as at *at*.

    * **company** - what enrichment would say; None asks the configuration's dataset.
    * **activities** - `lead.activity.v1` data of this lead.

    Raises `BadInput` for data that would be a dead letter.
    """
    submission = valid(FormSubmitted, data, "the submission")
    identity = who(submission, key)
    facts = facts_of(company, policy) if company is not None else _from_dataset(submission, identity, policy)
    behaviour = [(one.kind, one.at) for one in _counted(activities, submission)]
    points = score(behaviour, policy.engagement, at)
    return decide(submission, identity, facts, points, policy, received_at=at, now=at)


def who(submission: FormSubmitted, key: bytes) -> Identity:
    """Return who sent the submission; raises `BadInput` where nothing in it identifies anybody."""
    identity = identify(submission.email, submission.phone, submission.country, key)
    if identity is None:
        raise BadInput(
            "neither email nor phone identifies anybody, so this would be a dead letter (schema); "
            "give a valid address, or a phone number with its country",
        )
    return identity


def valid(model: type[M], data: object, what: str) -> M:
    """Return *data* as *model*; raises `BadInput` with every field that is wrong."""
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        told = [_field_problem(error["loc"], error["msg"]) for error in errors]
        raise BadInput(f"{what} is not valid: " + "; ".join(told)) from None


def _field_problem(loc: tuple[int | str, ...], message: str) -> str:
    name = ".".join(map(str, loc))
    message = message.removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}" if name else message


def facts_of(company: Mapping[str, object], policy: Policy) -> CompanyFacts:
    """Return given attributes as a lookup's answer; `known: false` is a miss."""
    mapped = policy.enrichment.http.fields if policy.enrichment and policy.enrichment.http else {}
    names = COMPANY | set(mapped) | set(policy.enrichment.columns if policy.enrichment else ())
    for name in company:
        if name not in names:
            raise BadInput(f"company has no attribute {name!r}; {did_you_mean(name, names)}")
    known = company.get("known", True)
    if not isinstance(known, bool):
        raise BadInput(f"company.known is {known!r}; write true or false")
    if not known:
        return CompanyFacts("missed")
    return CompanyFacts("matched", "given", {name: value for name, value in company.items() if name != "known"})


def _from_dataset(submission: FormSubmitted, identity: Identity, policy: Policy) -> CompanyFacts:
    if policy.enrichment is None or policy.enrichment.dataset_name is None:
        return SKIPPED
    domain = company_domain(submission, identity)
    fields = policy.enrichment.dataset.get(domain) if domain is not None else None
    if fields is None:
        return CompanyFacts("missed") if domain is not None else SKIPPED
    return CompanyFacts("matched", policy.enrichment.dataset_name, fields)


def _counted(activities: Sequence[Mapping[str, object]], submission: FormSubmitted) -> list[LeadActivity]:
    """
    Return the activities, each id once; what does not say whose it is, is this lead's.

    As in a worker, the first to come stays, and what the person did goes before what is said of the company.
    """
    found: dict[str, LeadActivity] = {}
    for number, raw in sorted(enumerate(activities, start=1), key=lambda one: _is_of_company(one[1])):
        mine = {"activity_id": f"activity-{number}", "email": submission.email, "phone": submission.phone}
        activity = valid(LeadActivity, {**mine, **raw}, f"activity {number}")
        found.setdefault(activity.activity_id, activity)
    return list(found.values())


def _is_of_company(activity: Mapping[str, object]) -> bool:
    return bool(activity.get("domain")) and not activity.get("email") and not activity.get("phone")
