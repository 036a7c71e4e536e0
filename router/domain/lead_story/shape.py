"""
What a lead's story is made of, and what it is told from.

`LeadStory` is the answer of `router explain --json` as it stands: field by field,
instants and all. It holds ids and what the policy said, and nothing of the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from router.events.action import Channel
from router.events.assignment import Candidate
from router.events.base import EventData, Instant
from router.events.decision import LeadDecided
from router.events.notification import NotificationKind
from router.events.sla import Breakdown

Mind = Literal["stage", "route", "tags", "priority", "sla", "to"]
"""What a later decision may have seen differently."""

Value = str | int | float | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the log about the lead: its id, when it happened (`ce_time`), its data."""

    ce_id: str
    at: Instant
    data: EventData


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How the ledger has the lead at this moment.

    * **state** - `seen` for a lead that never went to sales, else `waiting`, `held`, `accepted`, `touched`, `closed`.
    * **touch_by** - when the first touch is due; None without a clock.
    * **parked** - it has had all its attempts and waits for a rep who turns available.
    * **first** - when the ledger saw this lead first; None where it did not keep that.
    * **erased** - when the person was erased last; what is older about them is not to be shown or told any more.
    """

    state: str
    attempt: int = 0
    rep_id: str | None = None
    touch_by: Instant | None = None
    parked: bool = False
    first: Instant | None = None
    erased: Instant | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that two decisions say differently."""

    field: Mind
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that two decisions were made from and that differed; `name` is the fit rule's, where it is one."""

    what: Literal["policy", "fit_rule", "fit", "intent", "engagement", "enrichment", "lead", "form"]
    name: str | None
    before: Value
    after: Value
    sentence: str


@dataclass(frozen=True, slots=True)
class Decided:
    """
    One decision, and what changed the policy's mind since the one before.

    * **opening** - which opening of the lead it began, from 1; None where it began none.
    * **compared_with** - the submission of the decision before; None for the first.
    * **new_reasons** - reasons that the decision before did not give.
    """

    decision: LeadDecided
    opening: int | None
    compared_with: str | None
    changed: tuple[Change, ...]
    because: tuple[Cause, ...]
    new_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """
    What became of an attempt.

    * **what** - `accepted`, `touched`, or the reason of the unassigned or closed event.
    * **by** - the rep who did it; None where the router did, or an outcome from outside.
    * **after_seconds** - since the assignment.
    """

    what: str
    by: str | None
    at: Instant
    acted_at: Instant | None
    after_seconds: float | None
    channel: Channel | None
    sequence: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One assignment: to whom, out of whom, and what became of it; `over` once the rep has the lead no more."""

    attempt: int
    opening: int
    submission_id: str
    rep_id: str | None
    route: str | None
    step: int | None
    pool: str | None
    assigned_at: Instant | None
    accept_by: Instant | None
    touch_by: Instant | None
    candidates: tuple[Candidate, ...]
    considered: int
    policy_version: str
    sequence: int | None
    turns: tuple[Turn, ...]
    over: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """
    One spell in a queue.

    * **ended_by** - with what: `assigned`, `touched` or `closed`; None while it lasts.
    * **by** - the rep who got or touched it.
    """

    opening: int
    submission_id: str
    since: Instant
    until: Instant | None
    seconds: float
    ended_by: str | None
    by: str | None
    sequence: int


@dataclass(frozen=True, slots=True)
class ClockTurn:
    """One event of a clock. `adds_up`: the parts of the breakdown are the elapsed time."""

    what: Literal["warned", "breached", "met", "resolved", "cancelled"]
    at: Instant
    elapsed_seconds: float
    open_seconds: float | None
    rep_id: str | None
    attempt: int
    threshold: float | None
    in_time: bool | None
    breakdown: Breakdown
    adds_up: bool


@dataclass(frozen=True, slots=True)
class ClockRun:
    """
    The clock of one submission.

    `state` is that of its last event but for warnings; `running` before one, and
    `untold` where the lead is over and the log has no end of the clock.
    """

    submission_id: str
    target: str | None
    target_seconds: float | None
    submitted_at: Instant
    due_at: Instant | None
    state: Literal["running", "breached", "met", "resolved", "cancelled", "untold"]
    turns: tuple[ClockTurn, ...]


@dataclass(frozen=True, slots=True)
class Notified:
    """Who was told what, and when; what it said is not here."""

    at: Instant
    kind: NotificationKind
    recipient_type: Literal["rep", "manager"]
    recipient_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Present:
    """
    Where the lead stands by the log.

    * **state** - as in `Standing`, but `not_open` for a lead that was decided and never went to sales, `unassigned` for
      one of which the log does not have yet who got it next, and `unknown` where the log has nothing.
    * **rep_id** - who holds it, or who touched it.
    * **since** - since when it is held, waits, or is over.
    * **reason** - why it was closed.
    * **touch_by** - as the ledger says it where the two agree: it knows first of a repeat that moved it.
    * **parked** - as the ledger says it.
    * **agrees** - False where the ledger says otherwise: see `ledger`, and the story's `notes`.
    """

    state: str
    rep_id: str | None
    since: Instant | None
    accepted_at: Instant | None
    attempt: int
    submission_id: str | None
    touch_by: Instant | None
    accept_by: Instant | None
    overdue: bool
    parked: bool
    reason: str | None
    agrees: bool
    ledger: Standing | None


@dataclass(frozen=True, slots=True)
class LeadStory:
    """All of it, as at `as_of`. Each list is in the order of what happened."""

    lead_id: str
    as_of: Instant
    now: Present
    decisions: tuple[Decided, ...]
    attempts: tuple[Attempt, ...]
    waits: tuple[Wait, ...]
    clocks: tuple[ClockRun, ...]
    notifications: tuple[Notified, ...]
    notes: tuple[str, ...]
