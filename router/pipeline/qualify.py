"""
From a submission to a decision: decode, identify, enrich, engage, decide. And `note`, which remembers behaviour.

Steps are small verbs over a batch of works; what they need of the world stands
in their keyword-only parameters. Each may run twice for one event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain

from router.domain import engagement
from router.domain.company import CompanyFacts, company_domain
from router.domain.decision import decide as decide_one
from router.domain.identity import identify as identify_one
from router.domain.identity import registrable_domain
from router.errors import DependencyDown, InvalidEvent
from router.events.activity import LeadActivity
from router.events.base import to_millis
from router.events.envelope import decode as decode_one
from router.events.submission import FormSubmitted
from router.pipeline.work import InForce, Work, each, going
from router.ports import Activities, Activity, Clock, Enricher, Lookup


async def decode(works: Sequence[Work]) -> None:
    """Read the envelope and check the data."""

    def one(work: Work) -> None:
        work.incoming = decode_one(work.record)

    each(works, one)


async def identify(works: Sequence[Work], *, identity_key: bytes, in_force: InForce) -> None:
    """
    Say who the person is; nobody who could be reached is a `schema` error.

    To read a number takes ten times as long as all else here, so it is read only where a rule asks for it or no address
    says who it is.
    """
    asked_for = in_force.policy.asks_for_phone

    def one(work: Work) -> None:
        form = work.event(FormSubmitted)
        by_address = None if asked_for else identify_one(form.email, None, None, identity_key)
        work.identity = by_address or identify_one(form.email, form.phone, form.country, identity_key)
        if work.identity is None:
            raise InvalidEvent("schema", "neither email nor phone identifies anybody")

    each(works, one)


async def enrich(works: Sequence[Work], *, enricher: Enricher, in_force: InForce) -> None:
    """Look the companies up, all of a batch within one time budget; what takes longer is decided on the form alone."""
    policy = in_force.policy
    wanted: dict[str, list[Work]] = {}
    for work in going(works):
        domain = _domain(work)
        if domain is None or policy.enrichment is None:
            work.company = CompanyFacts("skipped")
        else:
            wanted.setdefault(domain, []).append(work)
    if not wanted or policy.enrichment is None:
        return
    found: dict[str, Lookup] = {}
    try:
        async with asyncio.timeout(policy.enrichment.budget / 1000):
            async for part in enricher.lookup(wanted.keys()):
                found |= part
    except (TimeoutError, DependencyDown):
        pass  # what was not found by then is decided as degraded: nobody waits for an enricher
    for domain, theirs in wanted.items():
        facts = _facts(found.get(domain))
        for work in theirs:
            work.company = facts


def _facts(known: Lookup | None) -> CompanyFacts:
    if known is None:
        return CompanyFacts("degraded")
    if known.fields is None:
        return CompanyFacts("missed")
    return CompanyFacts("matched", known.source, known.fields)


def _domain(work: Work) -> str | None:
    assert work.identity is not None  # noqa: S101 - `identify` comes before
    return company_domain(work.event(FormSubmitted), work.identity)


async def engage(works: Sequence[Work], *, activities: Activities, in_force: InForce, clock: Clock) -> None:
    """Add up what the person and the company have done, faded to now."""
    rules = in_force.policy.engagement
    if not rules.points:
        return
    whose = {id(work): _whose(work) for work in going(works)}
    keys = list(dict.fromkeys(key for keys in whose.values() for key in keys))
    if not keys:
        return
    known = dict(zip(keys, await activities.of(keys), strict=True))
    now = clock.now()
    for work in going(works):
        done = _done(known[key] for key in whose[id(work)])
        work.engagement = engagement.score(done, rules, now) if done else 0.0


def _done(known: Iterable[Sequence[tuple[str, str, int]]]) -> list[tuple[str, datetime]]:
    """Return each activity once: what is known of the person as well as of the company counts as the person's."""
    once: dict[str, tuple[str, int]] = {}
    for activity_id, kind, at in chain.from_iterable(known):
        once.setdefault(activity_id, (kind, at))
    return [(kind, datetime.fromtimestamp(at / 1000, UTC)) for kind, at in once.values()]


def _whose(work: Work) -> list[str]:
    assert work.identity is not None  # noqa: S101 - `identify` comes before
    domain = _domain(work)
    person = f"lead:{work.identity.lead_id}"
    return [person, f"domain:{domain}"] if domain else [person]


async def decide(works: Sequence[Work], *, in_force: InForce, clock: Clock) -> None:
    """Decide what each lead is and where it goes."""
    now = clock.now()

    def one(work: Work) -> None:
        assert work.identity is not None  # noqa: S101 - `identify` comes before
        assert work.company is not None  # noqa: S101 - and `enrich`
        work.decision = decide_one(
            work.event(FormSubmitted),
            work.identity,
            work.company,
            work.engagement,
            in_force.policy,
            received_at=work.record.received_at,
            now=now,
        )

    each(works, one)


async def note(works: Sequence[Work], *, activities: Activities, identity_key: bytes) -> None:
    """Remember behaviour, by person or company."""

    def one(work: Work) -> None:
        event = work.event(LeadActivity)
        who = identify_one(event.email, event.phone, None, identity_key)
        domain = registrable_domain(event.domain) if event.domain else None
        if who is None and domain is None:
            raise InvalidEvent("schema", "none of email, phone and domain identifies anybody")
        whose = f"lead:{who.lead_id}" if who is not None else f"domain:{domain}"
        work.activity = Activity(whose, event.activity_id, event.kind, to_millis(event.at))

    each(works, one)
    noted = [work.activity for work in going(works) if work.activity is not None]
    if noted:
        await activities.note(noted)
