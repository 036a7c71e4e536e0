"""What the demo shows, row by row: decisions, assignments, clocks, reps, news."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as a row: who asked, what came of it, and the reason that tells most."""

    at: datetime
    lead_id: str
    who: str
    company: str
    asked: str
    stage: str
    to: str
    tags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Handed:
    """One assignment as a row: who got whom and why, and who was passed over."""

    at: datetime
    rep_id: str
    who: str
    company: str
    attempt: int
    why: str
    passed_over: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class RepState:
    """A rep as the topics show them."""

    rep_id: str
    name: str
    capacity: int
    status: str = "offline"
    expires_at: datetime | None = None
    held: set[str] = field(default_factory=set)
    called: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def status_at(self, now: datetime) -> str:
        """Return the status, which is `offline` once its time to live has run out."""
        return "offline" if self.expires_at is not None and self.expires_at <= now else self.status


@dataclass(slots=True)
class Clock:
    """The clock of one lead that went to sales; `called_at` or `ended` end it."""

    lead_id: str
    who: str
    company: str
    submitted_at: datetime
    due_at: datetime | None
    rep_id: str | None = None
    accepted: bool = False
    breached: bool = False
    called_at: datetime | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """Something that did not go by the book: a lead handed back, a clock run out, a rep who comes or goes."""

    at: datetime
    kind: str
    text: str
