"""
What the ledger can be asked to do. Every verb is one atomic step and safe to repeat.

Instants and durations are whole milliseconds; `trace` is the traceparent of the
event that asked, for the events that follow. The same objects go to the model
(`router.domain.ledger.model`) and, as JSON, to its twin in Redis.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from router.domain.policy import Stage, Strategy


@dataclass(frozen=True, slots=True)
class Step:
    """One widening of a route: who may take the lead, by the id of an audience, and for how long an offer stands."""

    audience: str
    pool: str
    accept_within: int | None = None
    widen_after: int | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """
    The clock of a lead: due at `due_at`, warned at each (threshold, instant).

    `open` are the spans (from, until) that a clock of working time counts, from the submission until no lead can be
    open any more; None: all time counts.
    """

    target: str
    first_touch: int
    due_at: int
    warn_at: tuple[tuple[float, int], ...] = ()
    on_breach: tuple[str, ...] = ()
    open: tuple[tuple[int, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """
    Bring a decided submission in; the ledger settles where it goes.

    `to` is what the decision proposes, `decision` its JSON, `card` the JSON of
    what a rep needs to call. `considered` is the number of distinct members of
    the steps' pools. `company` is the domain whose account the lead is; where
    the route is `sticky` for accounts the rep who had it last comes first, after
    whoever last had the person.
    """

    submission_id: str
    lead_id: str
    to: Literal["sales", "nurture", "none"]
    stage: Stage
    submitted_at: int
    received_at: int
    decided_at: int
    policy_version: str
    decision: str
    card: str
    route: str | None = None
    priority: int = 0
    clock: Clock | None = None
    steps: tuple[Step, ...] = ()
    escalate_to: str | None = None
    considered: int = 0
    company: str | None = None
    sticky_account: bool = False
    trace: str | None = None
    verb: str = "place"


@dataclass(frozen=True, slots=True)
class Act:
    """A rep's accept, decline, touch or release."""

    action_id: str
    lead_id: str
    rep_id: str
    action: Literal["accept", "decline", "touch", "release"]
    at: int
    attempt: int | None = None
    channel: str | None = None
    trace: str | None = None
    verb: str = "act"


@dataclass(frozen=True, slots=True)
class Close:
    """What became of a lead; `won`, `lost` and `disqualified` close an open one."""

    outcome_id: str
    lead_id: str
    outcome: str
    at: int
    trace: str | None = None
    verb: str = "close"


@dataclass(frozen=True, slots=True)
class Erase:
    """Forget the person behind a lead; only an operator asks for it, no event."""

    lead_id: str
    trace: str | None = None
    verb: str = "erase"


@dataclass(frozen=True, slots=True)
class Attend:
    """A rep's presence; `ttl` 0 never expires."""

    rep_id: str
    status: Literal["available", "busy", "away", "offline"]
    at: int
    ttl: int
    heartbeat: bool = False
    trace: str | None = None
    verb: str = "attend"


@dataclass(frozen=True, slots=True)
class Audience:
    """
    Who may take leads of one kind: a pool narrowed by one `match` with the leads' values filled in.

    `members` are rep ids in the configuration's order. `match` and `values` are
    kept so that the members can be computed again under another policy.
    `version` names the policy that they were computed under: where another one
    is in force the answer is `stale_policy`, and nothing changes. None is for
    members that follow from no policy.
    """

    id: str
    pool: str
    strategy: Strategy
    members: tuple[str, ...]
    match: str | None = None
    values: str = "{}"
    version: str | None = None
    verb: str = "audience"


@dataclass(frozen=True, slots=True)
class Tick:
    """Fire what is due, at most `limit` timers; the answer says `more` where others are due still."""

    limit: int = 500
    verb: str = "tick"


@dataclass(frozen=True, slots=True)
class Seat:
    """A rep as the ledger knows one."""

    id: str
    active: bool
    capacity: int
    weight: int
    order: int
    calendar: str | None = None
    manager: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """From `at` on a calendar is in `state`; `midnight` starts a new local day."""

    at: int
    state: Literal["open", "outside_hours", "holiday"]
    midnight: bool = False


@dataclass(frozen=True, slots=True)
class Install:
    """
    Put a policy in force: reps, pools, calendars and limits.

    Each calendar is its edges over the coming days, the first at or before now;
    beyond the last edge it counts as closed. `audiences` are those the ledger
    knows, computed again: where one of them is missing the answer is
    `missing_audiences`, and nothing changes. An open lead is given up `max_age`
    after its submission; a submission's id is remembered for a day longer.

    `policy` is the canonical text, kept by version for good; nothing follows
    from it, so the model has no use for it. With `renew` only the days of the
    calendars go on: where another policy is in force the answer is
    `stale_policy`, and nothing changes.
    """

    version: str
    seats: tuple[Seat, ...]
    pools: dict[str, tuple[str, ...]]
    calendars: dict[str, tuple[Edge, ...]]
    max_attempts: int
    misses_before_away: int
    daily_per_rep: int | None
    retry_after: int
    max_age: int
    audiences: tuple[Audience, ...] = field(default=())
    policy: str = ""
    renew: bool = False
    verb: str = "install"


@dataclass(frozen=True, slots=True)
class Resume:
    """
    Go on after a rebuild: what is held by nobody who may hold it goes on, and everybody who waits is looked at again.

    `loose` are leads of which nothing is told since they were taken from a rep, or sent to sales.
    """

    loose: tuple[str, ...] = ()
    verb: str = "resume"


Verb = Place | Act | Close | Erase | Attend | Audience | Tick | Install | Resume
