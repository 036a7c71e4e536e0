"""
What the players draw from: submissions decided beforehand by the real rules, and the policies as verbs.

A person keeps language and region; so lead and route name the audiences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from router.domain.decision import decision_id
from router.domain.ledger.verbs import Audience, Clock, Install, Place, Step
from router.events.base import from_millis

REPS = tuple(f"rep-{number:02}" for number in range(32))
LANGUAGES = ("en", "de", "fr")
REGIONS = ("north", "south", "east")
ROUTES = ("hot", "warm", "narrow", "plain")
NURTURE = "paper"
MAX_ATTEMPTS = 3

Kind = tuple[str, str, str]
"""Form (named as its route), language, region."""


def kind_of(lead: str, route: str) -> Kind:
    """Return the kind of a lead's submission; the lead's number says which language and region."""
    number = int(lead.partition("-")[2])
    return route, LANGUAGES[number % 3], REGIONS[number // 3 % 3]


@dataclass(frozen=True, slots=True)
class Template:
    """A decided submission without its own ids and times."""

    place: Place
    decision: Mapping[str, Any]

    def deal(self, submission_id: str, lead_id: str, now: int, received: int, late: int) -> Place:
        """Return it as sent *late* ms ago and received *received* ms ago."""
        sent = now - late
        clock = self.place.clock
        shift = sent - self.place.submitted_at
        decision = {
            **self.decision,
            "decision_id": decision_id(submission_id),
            "submission_id": submission_id,
            "lead_id": lead_id,
            "submitted_at": from_millis(sent),
            "received_at": from_millis(now - received),
            "decided_at": from_millis(now),
            "touch_by": from_millis(clock.due_at + shift) if clock else None,
        }
        return replace(
            self.place,
            submission_id=submission_id,
            lead_id=lead_id,
            submitted_at=sent,
            received_at=now - received,
            decided_at=now,
            decision=orjson.dumps(decision).decode(),
            clock=clock and _shifted(clock, shift),
        )


def _shifted(clock: Clock, by: int) -> Clock:
    warn_at = tuple((share, at + by) for share, at in clock.warn_at)
    return replace(clock, due_at=clock.due_at + by, warn_at=warn_at)


@dataclass(frozen=True, slots=True)
class Deck:
    """Everything that is dealt, of all policies; `installs` and `steps` for whoever judges too."""

    templates: Mapping[Kind, Template]
    audiences: Sequence[Audience]
    installs: Sequence[Install]

    def steps(self, lead: str, route: str) -> tuple[Step, ...]:
        """Return the steps of a lead that came by *route*."""
        return self.templates[kind_of(lead, route)].place.steps
