"""What the watchdog finds beside broken promises, and how it tells a manager of either, once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from router.adapters.redis.standing import Standing
from router.domain.audit import Violation
from router.domain.audit.waiting import Waiting, waits_for_nobody
from router.events.base import to_millis
from router.events.envelope import encode
from router.ports import Lag, Outgoing

STUCK_AFTER = timedelta(seconds=30)
"""How long records, outbox or timers may stand still until somebody is told."""

HORIZON_ENDS = timedelta(days=3)
MOST_TOLD = 20
"""Findings of one look that are told one by one."""

NOBODY = "watchdog"
"""The `lead_id` of what is about no lead: the contract's notifications have no kind for such."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something that somebody must look at.

    * **name** - what it is about; told once while it lasts.
    * **anchor** - of this time that it happens: with `name` it makes the id of the notification.
    * **promise** - which one it breaks; None where it breaks none by itself.
    """

    name: str
    anchor: str
    title: str
    text: str
    promise: int | None = None
    lead_id: str = NOBODY

    @property
    def notification_id(self) -> str:
        """Return the id under which a manager is told, by whichever watchdog, however often."""
        digest = hashlib.sha256(f"{self.name}\x00{self.anchor}".encode()).hexdigest()
        return f"watch_{digest[:32]}"


def of_violation(violation: Violation, done: str = "") -> Finding:
    """Return what to tell of a broken promise; *done* says what was finished of it."""
    name = "\x00".join(map(str, violation.identity))
    lead = (
        violation.subject.removeprefix("lead ").partition(",")[0] if violation.subject.startswith("lead ") else NOBODY
    )
    text = f"{violation.subject}: {violation.problem}.{done}"
    title = f"Promise {violation.promise} was broken"
    return Finding(name, "", title, text, violation.promise, lead[:128] or NOBODY)


def stuck(standing: Standing, lags: Iterable[Lag], group: str) -> Iterator[Finding]:
    """Find what has stood still for too long."""
    behind: dict[str, list[Lag]] = {}
    for lag in lags:
        if lag.since is not None and standing.at - lag.since > STUCK_AFTER:
            behind.setdefault(lag.topic, []).append(lag)
    for topic, each in behind.items():
        since = min(lag.since for lag in each if lag.since is not None)
        yield Finding(
            f"lag {group} {topic}",
            str(to_millis(since)),
            f"Nobody takes what comes in on {topic}",
            f"{sum(lag.count for lag in each)} records wait for group {group}, since {since:%H:%M:%S} UTC. "
            "Is a process of it running?",
        )
    if standing.outbox_since is not None and standing.at - standing.outbox_since > STUCK_AFTER:
        yield Finding(
            "outbox",
            str(to_millis(standing.outbox_since)),
            "What was settled is not published",
            f"{standing.outbox} entries stand in the outbox, since {standing.outbox_since:%H:%M:%S} UTC. "
            "Is the log reachable for the workers?",
        )
    if standing.timer_due is not None and standing.at - standing.timer_due > STUCK_AFTER:
        yield Finding(
            "timers",
            str(to_millis(standing.timer_due)),
            "Timers do not fire",
            f"{standing.timers_overdue} timers of leads are overdue, the oldest since "
            f"{standing.timer_due:%H:%M:%S} UTC. Is a worker running?",
        )


def short_horizon(ends: Mapping[str, datetime], now: datetime) -> Iterator[Finding]:
    """Find calendars that the ledger will soon know nothing of: beyond that they count as closed."""
    for name, end in ends.items():
        if end - now < HORIZON_ENDS:
            yield Finding(
                f"calendar {name}",
                str(to_millis(end)),
                f"The calendar {name} runs out",
                f"The ledger knows it until {end:%Y-%m-%d %H:%M} UTC and counts it as closed from then on. A worker "
                "extends it every hour: is one running?",
            )


def idle(seen: Waiting) -> Iterator[Finding]:
    """Find leads that wait while a rep is free."""
    for lead_id, attempt, rep, turn in waits_for_nobody(seen):
        yield Finding(
            f"waiting {lead_id} {rep}",
            f"{attempt} {turn}",
            "Promise 6 was broken",
            f"lead {lead_id}: waits while {rep}, who may take it, is free.",
            6,
            lead_id,
        )


def few_of(found: Sequence[Finding]) -> Sequence[Finding]:
    """Return what of so much is told one by one, and how much else there is: nobody reads a thousand messages."""
    told, others = found[:MOST_TOLD], len(found) - MOST_TOLD
    if others <= 0:
        return told
    last = found[-1]
    text = f"And {others} more findings: the watchdog's log has each of them, and `router audit` those that last."
    return [*told, Finding("more", f"{last.name}\x00{last.anchor}", "More is wrong", text)]


def told(finding: Finding, manager: str, now: datetime, workspace: str) -> Outgoing:
    """
    Return the notification of a finding.

    Its kind is `sla_breach`, as of a lead that was given up: the contract's kinds have none for this, and it is
    the one that managers are sent.
    """
    name = finding.notification_id
    data = {
        "notification_id": name,
        "kind": "sla_breach",
        "recipient": {"type": "manager", "id": manager},
        "lead_id": finding.lead_id,
        "attempt": 0,
        "touch_by": None,
        "title": finding.title,
        "text": finding.text,
        "lead": {},
        "links": None,
    }
    body = orjson.dumps(data)
    kind, topic = "notification.requested.v1", "rep-notifications"
    return encode(topic, manager, kind, name, to_millis(now), manager, body, workspace=workspace)
