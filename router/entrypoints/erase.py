"""
`router erase`: a person is forgotten, as far as ledger, queue and log can forget.

The ledger goes first: from then on nothing older about the person has an
effect, whatever still is on its way. Then what has left the ledger is looked
for and removed. Every part may be done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from redis.asyncio import Redis

from router.adapters.redis.deliveries import Deliveries
from router.adapters.redis.forgetting import File, counts, rewrite_file, unpublished
from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.ledger import RedisLedger
from router.bootstrap import CLOCK, Log, operating, signer_of
from router.domain.identity import identify
from router.domain.lead_story.shape import Standing
from router.domain.ledger.verbs import Erase
from router.entrypoints.worker import expect_same_key
from router.errors import BadInput, DependencyDown
from router.events.base import rfc3339
from router.events.catalogue import catalogue
from router.pipeline.persons import Person
from router.pipeline.publish import deliver
from router.pipeline.render import render
from router.pipeline.rounds import sweep
from router.pipeline.telling import Job
from router.ports import Received
from router.settings import Settings, identity_key

PUBLISHED_WITHIN = 10.0  # seconds; a worker takes less than two
LOOKS_EVERY = 0.2
FREE_TEXT = frozenset({"rep-actions", "lead-outcomes"})
"""Topics of ids, but for a `reason` that somebody wrote."""

KEPT = (
    "the lead id with times, reps and decisions, on lead-decisions, lead-assignments, sla-events, for their retention",
    "the ledger's note of the lead's id, its number of assignments and the instant of the erasure, for 400 days",
    "ids of submissions, actions and outcomes, so that a repeat is known, for 30 days at most",
)


@dataclass(slots=True)
class Erased:
    """One lead id that went: how it stood, and what of it was there."""

    lead_id: str
    state: str | None
    rep_id: str | None
    contact: bool
    activities: int


@dataclass(slots=True)
class Erasure:
    """
    What was removed, or would be.

    * **messages** - that waited for channels.
    * **records** - by topic; empty on Kafka, where none can be removed.
    * **still** - topics that cannot forget, with the instant by which they will have.
    * **file** - what became of Redis's append-only file.
    """

    dry_run: bool
    leads: list[Erased] = field(default_factory=list)
    messages: int = 0
    records: dict[str, int] = field(default_factory=dict)
    still: dict[str, datetime] = field(default_factory=dict)
    file: File | None = None

    def as_json(self) -> Mapping[str, Any]:
        """Return it for programs; without address, number or name."""
        return {
            "dry_run": self.dry_run,
            "leads": [
                {
                    "lead_id": one.lead_id,
                    "state": one.state,
                    "rep_id": one.rep_id,
                    "contact": one.contact,
                    "activities": one.activities,
                }
                for one in self.leads
            ],
            "messages": self.messages,
            "records": self.records,
            "still_on_log": {topic: rfc3339(until) for topic, until in self.still.items()},
            "append_only_file": self.file,
            "kept": list(KEPT),
        }

    def lines(self) -> Iterator[str]:
        """Return it for people."""
        done = "would be " if self.dry_run else ""
        for one in self.leads:
            contact = "contact details" if one.contact else "no contact details"
            yield f"lead {one.lead_id}: {_was(one)}; {done}forgotten"
            yield f"  ledger: {contact}, activities: {one.activities}"
        yield f"messages to channels: {self.messages} {done}removed"
        for topic, count in self.records.items():
            yield f"{topic}: {count} {done}removed"
        for topic, until in self.still.items():
            yield f"{topic}: cannot forget single records; what it has of this person is gone by {rfc3339(until)}"
        if self.file is not None:
            yield f"append-only file of Redis: {self.file}"
        yield from (f"kept: {what}" for what in KEPT)


def _was(one: Erased) -> str:
    if one.state is None:
        return "not known to the ledger"
    return f"was {one.state}" + (f" by {one.rep_id}" if one.rep_id else "")


def person(email: str | None, phone: str | None, country: str | None, key: bytes) -> Person:
    """Return who is meant; an address and a number are two leads. Raises `BadInput`, which repeats neither."""
    if not email and not phone:
        raise BadInput("say who: an email address, or --phone with --country.")
    by_mail = identify(email, None, None, key) if email else None
    by_phone = identify(None, phone, country, key) if phone else None
    if email and by_mail is None:
        raise BadInput("that is no email address.")
    if phone and by_phone is None:
        raise BadInput("that is no phone number: write it as in +4755501234, or give its country, as in --country NO.")
    found = [one for one in (by_mail, by_phone) if one is not None]
    words = {text for text in (email, phone, *(one.email or one.phone for one in found)) if text}
    return Person(frozenset(one.lead_id for one in found), frozenset(words))


async def erase(
    settings: Settings,
    email: str | None,
    phone: str | None = None,
    country: str | None = None,
    *,
    dry_run: bool = False,
) -> Erasure:
    """Forget a person. Raises `BadInput` and `DependencyDown`; then what is left to do is done by the next try."""
    async with operating(settings) as (log, client):
        return await erase_on(
            log, client, settings, person(email, phone, country, identity_key(settings)), dry_run=dry_run
        )


async def erase_on(log: Log, client: Redis, settings: Settings, who: Person, *, dry_run: bool = False) -> Erasure:
    """Do what `erase` does on an open log and Redis."""
    ledger, key = RedisLedger(client, settings.workspace), identity_key(settings)
    if await ledger.sequence() is None:
        raise BadInput(
            f"no ledger of workspace {settings.workspace} in this Redis: see ROUTER_WORKSPACE, ROUTER_REDIS_URL."
        )
    await expect_same_key(ledger, key)
    done = Erasure(dry_run)
    for lead_id in sorted(who.leads):
        done.leads.append(await _as_it_was(client, settings.workspace, lead_id))
        if not dry_run:
            await _forget(ledger, log, settings, lead_id)
    if not dry_run:
        await _all_published(client, ledger, log, settings, who)
    speaks = _speaks_of(who, key)
    personal = [topic for topic in catalogue().values() if topic.personal_data]
    if log.forgetting is None:
        done.still = {settings.topic_prefix + one.name: CLOCK.now() + one.retention for one in personal}
    else:
        for topic in personal:
            done.records[topic.name] = await log.forgetting.remove(topic.name, speaks, dry_run=dry_run)
    done.messages = await _messages(Deliveries(client, settings.workspace), speaks, dry_run=dry_run)
    if not dry_run:
        done.file = await rewrite_file(client)
    return done


async def _as_it_was(client: Redis, workspace: str, lead_id: str) -> Erased:
    standing: Standing | None = await RedisLeads(client, workspace).of(lead_id)
    card, activities = await counts(client, workspace, lead_id)
    if standing is None:
        return Erased(lead_id, None, None, card, activities)
    return Erased(lead_id, standing.state, standing.rep_id, card, activities)


async def _forget(ledger: RedisLedger, log: Log, settings: Settings, lead_id: str) -> None:
    applied = await ledger.apply([Erase(lead_id)])
    facts = [one for one in applied if one.entry]
    out = [record for one in facts for record in render(one, settings.workspace, signer_of(settings))]
    await deliver(out, facts, log.publisher, ledger)


async def _all_published(client: Redis, ledger: RedisLedger, log: Log, settings: Settings, who: Person) -> None:
    """
    Return when the outbox says nothing of the person any more: it may hold their card.

    What a dead process left there is published here; a live one publishes its own within a moment.
    """
    try:
        async with asyncio.timeout(PUBLISHED_WITHIN):
            for lead_id in who.leads:
                while await unpublished(client, settings.workspace, lead_id):
                    await sweep(ledger, log.publisher, settings.workspace, signer_of(settings))
                    await asyncio.sleep(LOOKS_EVERY)
    except TimeoutError:
        raise DependencyDown(
            "the lead is erased in the ledger, and the outbox still holds facts about it that no process has "
            "published. Look after the log, then run this again."
        ) from None


def _speaks_of(who: Person, key: bytes) -> Callable[[Received], bool]:
    def speaks(record: Received) -> bool:
        if record.topic in FREE_TEXT and b'"reason"' not in (record.value or b""):
            return False
        return who.is_in(record, key)

    return speaks


async def _messages(deliveries: Deliveries, speaks: Callable[[Received], bool], *, dry_run: bool) -> int:
    """Remove the messages that wait for a channel and speak of the person; return how many they were."""
    found = 0
    async for name, kept in deliveries.held():
        try:
            job = Job.from_json(kept)
        except (TypeError, ValueError, orjson.JSONDecodeError):
            continue  # of another release: it is delivered or given up by that
        if catalogue()[job.topic].personal_data and speaks(job.record()):  # ids alone may go out, also of the end
            found += 1
            if not dry_run:
                await deliveries.finish(job.channel, name)
    return found
