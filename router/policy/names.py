"""
Which names an expression may use, section by section.

A value that is computed later than the section is not known there: `fit` rules
cannot ask for `stage`. That too is found at load.
"""

from __future__ import annotations

from collections.abc import Iterable

from router.domain.expressions import Names
from router.events.submission import FormSubmitted, Utm

LEAD = (
    frozenset(FormSubmitted.model_fields)
    | {"email_domain", "free_email", "disposable_email", "seniority", "seniority_rank", "department"}
    | {f"utm.{name}" for name in Utm.model_fields}
    | {"fields.*", "consent.*"}
)
COMPANY = frozenset({"known", "name", "domain", "employees", "industry", "country", "region", "revenue"})

_ALONE: frozenset[str] = frozenset()  # a value without parts

NEARLY_UNIQUE = frozenset(
    {
        *(f"lead.{name}" for name in ("submission_id", "submitted_at", "email", "email_domain", "phone")),
        *(f"lead.{name}" for name in ("first_name", "last_name", "company", "website", "message")),
        *(f"lead.{name}" for name in ("page_url", "referrer", "consent", "fields", "utm")),
        "company.name",
        "company.domain",
        "engagement.score",
    },
)
"""A `match` on one of these makes an audience for nearly every lead."""


def for_fit(company: Iterable[str]) -> Names:
    """Return the names of `fit.rules`; *company* adds the attributes that enrichment brings."""
    return {
        "lead": LEAD,
        "company": COMPANY | frozenset(company),
        "form": frozenset({"key", "action"}),
        "engagement": frozenset({"score"}),
    }


def for_segments(company: Iterable[str]) -> Names:
    """Return the names of `fit.segments`: the score stands by now."""
    return {**for_fit(company), "fit": frozenset({"score", "icp"})}


def for_forms(company: Iterable[str]) -> Names:
    """Return the names of a form's `when`: all of fit, not yet the intent."""
    return {**for_fit(company), "fit": frozenset({"score", "icp", "segment"})}


def for_stages(company: Iterable[str]) -> Names:
    """Return the names of `stages`: fit, intent and engagement."""
    return {**for_forms(company), "form": frozenset({"key", "action", "intent"})}


def for_tags(company: Iterable[str]) -> Names:
    """Return the names of `tags`: the stage too."""
    return {**for_stages(company), "stage": _ALONE}


def for_routes(company: Iterable[str]) -> Names:
    """Return the names of `routes`: everything about the lead."""
    return {**for_tags(company), "tags": _ALONE}


def for_members(attributes: Iterable[str]) -> Names:
    """Return the names of a pool's `members`: the rep alone."""
    return {"rep": frozenset({"id", *attributes})}


def for_match(company: Iterable[str], attributes: Iterable[str]) -> Names:
    """Return the names of a step's `match`: the lead and the rep."""
    return {**for_routes(company), **for_members(attributes)}
