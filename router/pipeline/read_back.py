"""
Reads the topics back, for a ledger that is lost: everything once, to its end, a batch at a time.

First assignments, which tell who holds what; then decisions, now that it is
known which leads are open; then all the rest, from as far back as it matters.
Of each record only the fields that count are looked at, and none is checked
twice: what stands on an output topic the router has written, and an input that
cannot be read has its dead letter.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from router.domain.company import domain_of
from router.domain.identity import identify, registrable_domain
from router.domain.ledger.state import DAY
from router.domain.policy import Policy
from router.domain.rebuild.course import Courses
from router.domain.rebuild.instants import millis
from router.domain.rebuild.sequence import InSequence
from router.domain.rebuild.team import Presence, Team
from router.domain.rebuild.telling import Decisions, Told
from router.domain.rebuild.undone import action_counted, action_counts, outcome_counts
from router.events.base import to_millis
from router.events.envelope import decode
from router.events.submission import FormSubmitted
from router.pipeline.render import name
from router.ports import Activities, Activity, Outgoing, Progress, Received, Tail

SLACK = timedelta(minutes=10)  # a producer's clock may be ahead by five minutes, the log's and ours may differ too
KEEP_ACTIONS = 30 * DAY
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
INPUTS = ("form-submissions", "rep-actions", "lead-outcomes")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Data = Mapping[str, Any]


@dataclass(slots=True)
class Counts:
    """What was read, for whoever waits for it."""

    events: int = 0
    unreadable: int = 0
    topics: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ReadBack:
    """
    All that the topics told.

    * **forms** - the submissions of open leads, by id.
    * **actions** - ids of actions and outcomes as the ledger keeps them -> when they were made.
    * **again** - inputs that were consumed and left no effect.
    """

    courses: Courses
    team: Team
    line: InSequence[tuple[str, Data]]
    decisions: Decisions
    told: Told
    counts: Counts
    forms: dict[str, FormSubmitted] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    again: list[Outgoing] = field(default_factory=list)
    retained_from: int = 0  # the sequence from which on assignments are complete, as far as retention goes


class Reader:
    """
    Reads everything back under one policy.

    * **now** - the instant that what is remembered is counted from, in ms.
    * **progress** - how far the workers had come; **topic_prefix** - which dead letters repeat.
    * **tell** - hears, now and then, what has been read so far.
    """

    def __init__(  # noqa: PLR0913 - what it reads, and what it reads it by
        self,
        tail: Tail,
        progress: Progress,
        activities: Activities,
        policy: Policy,
        identity_key: bytes,
        now: int,
        *,
        topic_prefix: str = "",
        tell: Callable[[Counts], None] = lambda _: None,
    ) -> None:
        self._tail = tail
        self._progress = progress
        self._activities = activities
        self._policy = policy
        self._key = identity_key
        self._now = now
        self._tell = tell
        self._prefix = topic_prefix
        self._begun: set[int] = set()
        self._wanted: set[str] = set()
        self._rejected: set[tuple[str, int, int]] = set()
        self._sticky = any("account" in route.sticky for route in policy.routes)
        team = Team(self._weight)
        courses = Courses(team)
        self.found = ReadBack(
            courses,
            team,
            InSequence(),
            Decisions(courses, now - policy.limits.max_age - DAY),
            Told(courses, nobody_id),
            Counts(),
        )

    def _weight(self, pool: str, rep: str) -> int | None:
        known, who = self._policy.pools.get(pool), self._policy.reps.get(rep)
        return who.weight if known and who and known.strategy == "weighted_round_robin" else None

    async def read(self) -> ReadBack:
        """Read all; raises `DependencyDown` where the log goes away meanwhile."""
        await self.assignments()
        async for batch in self._batches(["lead-decisions"]):
            self._each(batch, self._decision)
        async for batch in self._batches(["dead-letters"]):
            self._each(batch, self._dead_letter)
        since = self._oldest_open() - SLACK
        async for batch in self._batches(["sla-events", "rep-notifications"], since):
            self._each(batch, self._told)
        async for batch in self._batches(["rep-presence", "rep-actions", "lead-outcomes"]):
            self._each(batch, self._asked)
        self._wanted = {data["submission_id"] for known in self.found.decisions.of_open.values() for _, data in known}
        remembered = _EPOCH + timedelta(milliseconds=self.found.decisions.remembered_from)
        async for batch in self._batches(["form-submissions"], None if self._sticky else min(since, remembered)):
            self._each(batch, self._submission)
        async for batch in self._batches(["lead-activities"]):
            await self._note(batch)
        return self.found

    async def assignments(self) -> None:
        """Read the assignments, to their present end; once more, only what is new counts."""
        found = self.found
        async for batch in self._batches(["lead-assignments"]):
            self._each(batch, self._assignment)
        for kind, data in found.line.rest():
            found.courses.follow(kind, data)

    async def _batches(self, topics: Sequence[str], since: datetime | None = None) -> AsyncIterator[Sequence[Received]]:
        counts = self.found.counts
        async for batch in self._tail.batches(topics, since=since):
            if batch:
                counts.events += len(batch)
                counts.topics[batch[0].topic] = counts.topics.get(batch[0].topic, 0) + len(batch)
                self._tell(counts)
                yield batch
                await asyncio.sleep(0)  # what has come already comes without a pause, and the lease is to be renewed

    def _each(self, batch: Sequence[Received], take: Callable[[Received], None]) -> None:
        for record in batch:
            try:
                take(record)
            except UNREADABLE:
                self.found.counts.unreadable += 1

    def _oldest_open(self) -> datetime:
        opened = (min(one.lead.opened, one.lead.submitted) for one in self.found.courses.open.values())
        return _EPOCH + timedelta(milliseconds=min(opened, default=self._now))

    # --- what the router has written ----------------------------------------------------------------------------------

    def _assignment(self, record: Received) -> None:
        found = self.found
        data = orjson.loads(record.value or b"")
        sequence = data["sequence"]
        if record.partition not in self._begun:
            self._begun.add(record.partition)
            if record.offset > 0:  # the topic has begun to forget
                found.retained_from = max(found.retained_from, sequence)
        for kind, one in found.line.put(sequence, (_kind(record), data)):
            found.courses.follow(kind, one)

    def _decision(self, record: Received) -> None:
        self.found.decisions.take(orjson.loads(record.value or b""), millis(record.headers["ce_time"].decode()))

    def _dead_letter(self, record: Received) -> None:
        data = orjson.loads(record.value or b"")
        topic = data["source_topic"].removeprefix(self._prefix)
        self._rejected.add((topic, data["source_partition"], data["source_offset"]))

    def _told(self, record: Received) -> None:
        data = orjson.loads(record.value or b"")
        if record.topic == "sla-events":
            self.found.told.clock(_kind(record), data)
        else:
            self.found.told.notification(data)

    # --- what was asked of it -----------------------------------------------------------------------------------------

    def _is_consumed(self, record: Received) -> bool:
        return record.offset < self._progress.get((record.topic, record.partition), 0)

    def _asked(self, record: Received) -> None:
        data = content(record)
        if record.topic == "rep-presence":
            self._presence(record, data)
        elif (record.topic, record.partition, record.offset) not in self._rejected:
            self._request(record, data)

    def _presence(self, record: Received, data: Data) -> None:
        if data["status"] not in ("available", "busy", "away", "offline"):
            return
        ttl = data.get("ttl_seconds")
        presence = Presence(
            data["status"],
            millis(data["at"]),
            (90 if ttl is None else int(ttl)) * 1000,
            heartbeat=data.get("heartbeat") is True,
            by_router=data.get("source") == "router",
        )
        written = self._now if record.written_at is None else to_millis(record.written_at)
        self.found.team.attends(data["rep_id"], presence, min(written, self._now))

    def _request(self, record: Received, data: Data) -> None:
        """Remember that an action or outcome counted; or see to it that it does."""
        found = self.found
        if record.topic == "rep-actions":
            key, counts = f"act:{data['action_id']}", action_counts(found.courses, data)
            counted = action_counted(found.courses, data)
        else:
            key, counts, counted = f"close:{data['outcome_id']}", outcome_counts(found.courses, data), False
        consumed = self._is_consumed(record)
        if consumed and counts:
            found.again.append(_again(record))
        elif consumed or counted:
            found.actions[key] = max(min(millis(data["at"]), self._now), found.actions.get(key, 0))

    def _submission(self, record: Received) -> None:
        found = self.found
        data = content(record)
        sub = data["submission_id"]
        if sub in self._wanted:
            form = decode(record).data
            if isinstance(form, FormSubmitted):
                found.forms.setdefault(sub, form)
        if self._sticky:
            self._company(data)
        known = sub in found.decisions.ids or data.get("test") is True
        if known or not self._is_consumed(record):
            return
        if (record.topic, record.partition, record.offset) in self._rejected:
            return
        if millis(data["submitted_at"]) >= found.decisions.remembered_from:
            found.again.append(_again(record))

    def _company(self, data: Data) -> None:
        """Remember whose company it is, for routes that give a company's next lead to whoever had the last one."""
        who = identify(data.get("email"), data.get("phone"), data.get("country"), self._key)
        if who is None or who.lead_id in self.found.decisions.companies:
            return
        domain = domain_of(who, data.get("website") or None)
        if domain is not None:
            self.found.decisions.companies[who.lead_id] = domain

    async def _note(self, batch: Sequence[Received]) -> None:
        """Let behaviour be remembered as it was."""
        known: list[Activity] = []

        def one(record: Received) -> None:
            data = content(record)
            who = identify(data.get("email"), data.get("phone"), None, self._key)
            domain = registrable_domain(data["domain"]) if data.get("domain") else None
            if who is not None or domain is not None:
                whose = f"lead:{who.lead_id}" if who is not None else f"domain:{domain}"
                at = millis(data["at"])
                if who is None or at > self.found.courses.erased(who.lead_id):
                    known.append(Activity(whose, data["activity_id"], data["kind"], at))

        self._each(batch, one)
        if known:
            await self._activities.note(known)


def content(record: Received) -> dict[str, Any]:
    """Return the data of an input event, in whichever mode it came; raises one of `UNREADABLE`."""
    data = orjson.loads(record.value or b"")
    if "specversion" in data and "ce_type" not in record.headers:
        data = data["data"] if "data" in data else orjson.loads(base64.b64decode(data["data_base64"]))
    if not isinstance(data, dict):
        raise TypeError("no object")
    return data


def _kind(record: Received) -> str:
    """Return the middle of a type: `queued` of `lead.queued.v1`."""
    return record.headers["ce_type"].decode().split(".")[1]


def _again(record: Received) -> Outgoing:
    return Outgoing(record.topic, record.key, record.value, dict(record.headers))


def nobody_id(manager: str, lead_id: str, attempt: int, submission_id: str) -> str:
    """Return the id of the notification that nobody is there for a lead."""
    return name("ntf", "no_rep_available", "manager", manager, lead_id, attempt, "nobody", submission_id)
