"""What the ledger remembers: leads, reps, audiences, timers. The rules that change it stand beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from router.domain.ledger.verbs import Audience, Clock, Edge, Step
from router.domain.policy import Stage

LeadState = Literal["seen", "waiting", "held", "accepted", "touched", "closed"]
STAGES: tuple[Stage, ...] = ("rejected", "lead", "mql", "iql", "sql")  # from the least
OPEN_STATES = ("waiting", "held", "accepted")

HOUR, DAY = 3_600_000, 86_400_000
NEVER = 9_999_999_999_999
STRIDE = 720_720  # divisible by every weight from 1 to 16 (Waldspurger and Weihl, 1995: stride scheduling)


@dataclass(slots=True)
class Lead:
    """One person's lead. From `sub` to `clock` it is what the submission that opened it brought along."""

    id: str
    state: LeadState = "seen"
    first: int = 0  # when it was first heard of
    attempt: int = 0
    sub: str = ""
    route: str | None = None
    policy: str = ""
    stage: Stage = "lead"
    priority: int = 0
    submitted: int = 0
    received: int = 0
    decided: int = 0
    steps: tuple[Step, ...] = ()
    clock: Clock | None = None
    escalate_to: str | None = None
    considered: int = 0
    owners: tuple[str, ...] = ()  # who come first, in the steps or not
    company: str | None = None
    card: str = "{}"
    opened: int = 0
    rep: str | None = None
    last_rep: str | None = None
    step: int | None = None
    pool: str | None = None
    accept_by: int | None = None
    assigned_at: int = 0
    accept_ms: int = 0
    unheld_ms: int = 0  # all spells without a rep
    unheld_since: int = 0
    reach: int = 1  # steps opened by time or by this lead's own tries; only grows while it waits
    tries: int = 0
    tried: dict[str, int] = field(default_factory=dict)
    parked: bool = False
    overdue: bool = False
    breached: bool = False
    warned: list[float] = field(default_factory=list)  # thresholds that were told
    told_nobody: bool = False
    erased: int | None = None  # when the person was forgotten last; submissions from before that open nothing

    @property
    def is_open(self) -> bool:
        """Whether a clock or a rep is still busy with it."""
        return self.state in OPEN_STATES

    @property
    def touch_by(self) -> int | None:
        """When the first touch is due."""
        return self.clock.due_at if self.clock else None

    def queue_key(self) -> tuple[int | str, ...]:
        """Where it stands in a queue: overdue first, then priority, then due, then age; without a clock, last."""
        if self.overdue:
            due = self.touch_by or self.submitted + DAY
            return (0, due, -self.priority, self.submitted, self.id)
        return (1, -self.priority, self.touch_by or NEVER, self.submitted, self.id)


@dataclass(slots=True)
class Rep:
    """A rep: what the policy says, where they are, what they hold."""

    id: str
    active: bool = False
    capacity: int = 0
    weight: int = 1
    order: int = 0
    calendar: str | None = None
    manager: str | None = None
    status: str = "offline"
    seen_at: int = 0
    ahead: int = 0  # by how much the clock that said so ran ahead: of two held to one instant the newer counts
    until: int = 0  # when the status expires; 0: never
    load: int = 0
    turn: int = 0  # the sequence of their last assignment: who was never assigned a lead is idle longest
    misses: int = 0
    day: int = 0  # the midnight that `today` counts from
    today: int = 0
    passes: dict[str, int] = field(default_factory=dict)
    on_duty: bool = False


@dataclass(slots=True)
class Ledger:
    """All of it. `timers` maps (kind, lead or rep or calendar) to the instant when it is due."""

    version: str = ""
    sequence: int = 0
    reps: dict[str, Rep] = field(default_factory=dict)
    leads: dict[str, Lead] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)
    virtual: dict[str, int] = field(default_factory=dict)  # pool -> pass of the last one served
    calendars: dict[str, tuple[Edge, ...]] = field(default_factory=dict)
    timers: dict[tuple[str, str], int] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)  # company -> the rep who had it last
    used: dict[str, int] = field(default_factory=dict)  # audience -> when it was last made known or asked for
    submissions: set[str] = field(default_factory=set)
    actions: set[str] = field(default_factory=set)
    max_attempts: int = 5
    misses_before_away: int = 2
    daily_per_rep: int | None = None
    retry_after: int = 30_000
    max_age: int = 7 * DAY
