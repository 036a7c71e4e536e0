"""Which company a lead belongs to, and what is known of it: field by field from enrichment, else from the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from router.domain.identity import Identity, registrable_domain
from router.domain.mail_domains import is_disposable, is_free
from router.events.submission import FormSubmitted

Mailbox = Literal["free", "disposable", "own"]
Status = Literal["matched", "missed", "degraded", "skipped"]


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """
    What enrichment answered.

    * **status** - matched; missed: nobody knows the company; degraded: a source did not
      answer in time; skipped: none was asked.
    * **source** - who answered.
    * **fields** - what they said, by the names that rules use below `company`.
    """

    status: Status
    source: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict)


SKIPPED = CompanyFacts("skipped")


@lru_cache(maxsize=16_384)
def mailbox(host: str) -> Mailbox:
    """
    Return whose mailboxes stand at *host*.

    >>> mailbox("gmail.com"), mailbox("mailinator.com"), mailbox("acme.example")
    ('free', 'disposable', 'own')
    """
    if is_disposable(host):
        return "disposable"
    return "free" if is_free(host) else "own"


def company_domain(submission: FormSubmitted, identity: Identity) -> str | None:
    """
    Return the registrable domain of the lead's company.

    That of the address; of the website where the address is nobody's company
    (free mail, disposable) or there is none.
    """
    return domain_of(identity, submission.website)


def domain_of(identity: Identity, website: str | None) -> str | None:
    """Return what `company_domain` returns, of a submission of which no more is known."""
    host = identity.email_host
    if host is not None and mailbox(host) == "own":
        return identity.email_domain
    if website is None:
        return None
    domain = registrable_domain(website)
    return domain if domain is not None and mailbox(domain) == "own" else None


def country_code(text: str | None) -> str | None:
    """
    Return a country's ISO 3166 code as rules write it.

    >>> country_code("no"), country_code("UK"), country_code(None)
    ('NO', 'GB', None)
    """
    code = text.strip().upper() if text is not None else None
    return "GB" if code == "UK" else code


def company_values(submission: FormSubmitted, identity: Identity, facts: CompanyFacts) -> dict[str, object]:
    """Return `company` as rules see it."""
    values: dict[str, object] = {
        "name": submission.company,
        "domain": company_domain(submission, identity),
        "employees": submission.employees,
        "industry": submission.industry,
        "country": country_code(submission.country),
        "region": submission.region,
    }
    values.update((name, value) for name, value in facts.fields.items() if value is not None and value != "")
    values["known"] = facts.status == "matched"
    return values
