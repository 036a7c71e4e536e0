"""
Says in a salesperson's words why a lead was decided as it was.

No rule's text stands in a reason, and nothing that a person typed: a company is
named as enrichment names it, else by its domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from router.domain.company import CompanyFacts
from router.domain.fit import FitResult, RuleResult, held
from router.domain.policy import Engagement, Fit, Form, Intent, Route, SlaTarget, StageRule

_ASKED: Mapping[str, str] = {
    "demo_request": "Asked for a demo",
    "contact_sales": "Asked to talk to sales",
    "pricing_inquiry": "Asked about prices",
    "free_trial": "Asked for a free trial",
    "proposal_request": "Asked for a proposal",
    "security_review": "Asked for security documents",
    "content_download": "Downloaded content",
    "webinar_registration": "Registered for a webinar",
    "newsletter_signup": "Signed up for the newsletter",
}
_LEVELS: Mapping[str, str] = {
    "c_level": "Executive: decision level",
    "vp": "Vice president: decision level",
    "director": "Director: decision level",
    "manager": "Manager: has a say in the decision",
}
_STAGES: Mapping[str, str] = {
    "rejected": "Rejected by a rule",
    "lead": "No stage rule applies: a lead",
    "mql": "Ready for marketing to follow up (MQL)",
    "iql": "Fit and stated intent together (IQL)",
    "sql": "Ready for sales at once (SQL)",
}
_VALUES: Mapping[str, str] = {
    "company.employees": "the company's size",
    "company.revenue": "the company's revenue",
    "company.name": "the company's name",
    "company.domain": "the company's domain",
    "lead.email_domain": "an e-mail address",
    "lead.department": "the department",
    "form.action": "what the form asks for",
}
_UNITS = ((86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond"))


def duration(millis: int) -> str:
    """
    Write a length of time in its largest whole unit.

    >>> duration(300_000), duration(90_000), duration(86_400_000)
    ('5 minutes', '90 seconds', '1 day')
    """
    size, name = next(unit for unit in _UNITS if millis % unit[0] == 0)
    count = millis // size
    return f"{count} {name}" + ("" if count == 1 else "s")


def of_company(company: Mapping[str, object], facts: CompanyFacts, fit: FitResult, *, free_email: bool) -> list[str]:
    """Return what is known of the company."""
    told = []
    if free_email:
        told.append("Free-mail address: no company known" if company.get("domain") is None else "Free-mail address")
    name = facts.fields.get("name") or company.get("domain") or "The company"
    employees = company.get("employees")
    counted = isinstance(employees, int | float) and not isinstance(employees, bool)
    if counted and fit.segment:
        told.append(f"{name} has {employees:,} employees: {fit.segment}")
    elif counted:
        told.append(f"{name} has {employees:,} employees")
    elif fit.segment:
        told.append(f"{name} counts as {fit.segment}")
    if facts.status == "degraded":
        told.append("Company data did not come in time: decided by what the form says")
    return told


def of_fit(fit: FitResult, policy: Fit) -> list[str]:
    """Return how the fit came about, and what would have changed it had it been known."""
    counted = ", ".join(f"{rule.name} {rule.points:+}" for rule in fit.rules if rule.matched)
    verdict = "an ideal customer" if fit.icp else f"below an ideal customer's {policy.icp_at}"
    told = [f"Fit {fit.score} of 100, {verdict}" + (f" ({counted})" if counted else "")]
    open_rules = fit.open_rules
    if open_rules:
        total = sum(rule.points for rule in fit.rules if rule.matched)
        better = [rule for rule in open_rules if rule.points > 0]
        worse = [rule for rule in open_rules if rule.points < 0]
        if not fit.icp and held(total + sum(rule.points for rule in better)) >= policy.icp_at:
            told.append(f"Not known: {_named(better)}; it could make an ideal customer")
        elif fit.icp and held(total + sum(rule.points for rule in worse)) < policy.icp_at:
            told.append(f"Not known: {_named(worse)}; it could count against the fit")
    told += [
        f"Not known: {values(unknown)}; with it the segment could be {name}" for name, unknown in fit.open_segments
    ]
    return told


def of_intent(key: str, form: Form | None, level: Intent) -> list[str]:
    """Return what the person asked for."""
    if form is None:
        return [f"The form {key[:60]!r} is not configured: no intent"]
    asked = _ASKED.get(form.action) or f"Sent the form {key}: {form.action.replace('_', ' ')}"
    if form.intent == "high" and level == "low":
        return [asked, "Counts as low intent: the condition of this form is not met"]
    return [asked]


def of_seniority(level: str) -> list[str]:
    """Return what the job title says."""
    return [_LEVELS[level]] if level in _LEVELS else []


def of_engagement(score: float, engagement: Engagement) -> list[str]:
    """Return what behaviour adds, where there was any."""
    if score >= engagement.mql_at:
        return [f"Engagement {score:.0f}, at or above {engagement.mql_at}"]
    return [f"Engagement {score:.0f}, below {engagement.mql_at}"] if score > 0 else []


def of_stage(stage: str, rule: StageRule | None, open_stages: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Return why the lead has its stage, and which stage a missing value kept from it."""
    told = [
        f"Not known: {values(unknown)}; with it the stage could be {name.upper()}"
        for name, unknown in open_stages
        if name != stage
    ]
    if rule is not None and rule.reason:
        prefix = "Rejected: " if stage == "rejected" else f"{stage.upper()}: "
        return [*told, prefix + rule.reason]
    return [*told, _STAGES[stage]]


def of_route(
    route: Route | None,
    target: SlaTarget | None,
    open_routes: Iterable[tuple[str, tuple[str, ...]]],
) -> list[str]:
    """Return where the lead goes and by when."""
    told = [f"Not known: {values(unknown)}; with it the route could be {name}" for name, unknown in open_routes]
    if route is None:
        return [*told, "No route applies: nurture"]
    if route.to != "sales":
        return [*told, f"Route {route.name}: " + ("nurture" if route.to == "nurture" else "no follow-up")]
    if target is None:
        return [*told, f"Route {route.name}"]
    hours = "working time" if target.clock == "working" else "the submission"
    within = f"{duration(target.first_touch)} of {hours}"
    return [*told, f"Route {route.name}: first contact due within {within}"]


def values(paths: Sequence[str]) -> str:
    """
    Name values as a person would.

    >>> values(["company.employees", "lead.job_title"])
    "the company's size and the job title"
    """
    names = list(dict.fromkeys(_VALUES.get(path) or _worded(path) for path in paths))
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _worded(path: str) -> str:
    root, _, rest = path.partition(".")
    words = (rest or root).replace("_", " ").replace(".", " ")
    return f"the company's {words}" if root == "company" else f"the {words}"


def _named(rules: Iterable[RuleResult]) -> str:
    return values([path for rule in rules for path in rule.unknown])
