"""
The present, as a page shows it: open leads in the order of their urgency, and the reps.

Instants are whole milliseconds since 1970, as in the ledger; None where there is
none. Who reads them from a ledger is an adapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

NEVER = 9_999_999_999_999
SOON, NEAR = 0.5, 0.8
"""Shares of the time after which a clock is told more loudly."""

Urgency = Literal["overdue", "near", "soon", "calm", "none"]


@dataclass(frozen=True, slots=True)
class Contact:
    """What is needed to call."""

    name: str | None = None
    company: str | None = None
    job_title: str | None = None
    email: str | None = None
    phone: str | None = None
    form: str | None = None
    message: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """
        Who it is, in a few words.

        >>> Contact(name="Ada", company="Acme").who, Contact(email="a@x.example").who, Contact().who
        ('Ada', 'a@x.example', 'Name not given')
        """
        return self.name or self.email or self.phone or "Name not given"


@dataclass(frozen=True, slots=True)
class OpenLead:
    """
    One lead that nobody has reached yet.

    * **state** - `waiting`, `held` (not accepted) or `accepted`.
    * **touch_by** - when the first contact is due; **accept_by** - until when its rep must accept, where one must.
    * **parked** - it has had all its attempts.
    """

    lead_id: str
    submission_id: str
    state: str
    attempt: int
    rep_id: str | None
    submitted_at: int
    assigned_at: int | None
    touch_by: int | None
    accept_by: int | None
    overdue: bool
    parked: bool
    priority: int
    stage: str
    route: str | None
    contact: Contact

    @property
    def revision(self) -> str:
        """Another text as soon as anything of it is shown differently, but for the passing of time."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()

    def is_overdue(self, at: int) -> bool:
        """Return whether the first contact was due before *at*."""
        return self.overdue or (self.touch_by is not None and self.touch_by <= at)

    def urgency(self, at: int) -> Urgency:
        """Return how loudly its clock is told at *at*."""
        if self.is_overdue(at):
            return "overdue"
        if self.touch_by is None:
            return "none"
        passed = (at - self.submitted_at) / max(1, self.touch_by - self.submitted_at)
        return "near" if passed >= NEAR else "soon" if passed >= SOON else "calm"


@dataclass(frozen=True, slots=True)
class RepNow:
    """One rep: whether they take leads now, and how many they have. With `until` 0 the status never expires."""

    rep_id: str
    status: str
    until: int
    load: int
    capacity: int
    active: bool
    in_hours: bool

    def status_at(self, at: int) -> str:
        """
        Return the status, `offline` from the moment on when nothing was heard for too long.

        >>> RepNow("ana", "available", until=5, load=0, capacity=3, active=True, in_hours=True).status_at(5)
        'offline'
        """
        return "offline" if 0 < self.until <= at else self.status


@dataclass(frozen=True, slots=True)
class Now:
    """
    The whole workspace at one moment.

    * **waiting**, **held**, **overdue** - how many; `overdue` is among the others and counts the leads that are listed.
    * **leads** - the most urgent first; **listed** - whether these are all there are.
    """

    at: int
    waiting: int
    held: int
    overdue: int
    leads: tuple[OpenLead, ...]
    listed: bool
    reps: Mapping[str, RepNow]


def by_urgency(leads: Iterable[OpenLead]) -> tuple[OpenLead, ...]:
    """Return *leads*, that first for which something is due first; those without a clock last, by priority and age."""
    return tuple(sorted(leads, key=_due))


def _due(lead: OpenLead) -> tuple[int, int, int, str]:
    due = min(lead.touch_by or NEVER, lead.accept_by or NEVER)
    return due, -lead.priority, lead.submitted_at, lead.lead_id
