"""
Says of each rep whether a lead could go to them, and if not why: the codes of the contract and their sentences.

This looks at one lead that nobody was tried for yet, as a dry run does. The
ledger, which also knows turns and tries, uses the same codes and sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.domain.calendar import State
from router.domain.policy import Policy, Rep, RouteStep, Strategy
from router.domain.routing import Audience
from router.events.assignment import CandidateCode
from router.events.presence import PresenceStatus

REASONS: Mapping[CandidateCode, str] = {
    "eligible": "{rep} can take the lead now",
    "inactive": "{rep} is not active",
    "offline": "{rep} is offline",
    "away": "{rep} is away",
    "busy": "{rep} is busy",
    "outside_hours": "{rep} is outside working hours",
    "holiday": "{rep} has a holiday",
    "at_capacity": "{rep} holds as many leads as they can",
    "daily_limit": "{rep} has had today's number of leads",
    "no_match": "{rep} does not match this lead",
    "already_tried": "{rep} has had this lead before",
    "later_step": "{rep} comes in at a later step",
}


def sentence(code: CandidateCode, rep: str) -> str:
    """
    Say a code in words; *rep* is a name or an id.

    >>> sentence("busy", "Ana")
    'Ana is busy'
    """
    return REASONS[code].format(rep=rep)


@dataclass(frozen=True, slots=True)
class RepState:
    """How a rep stands at one moment. `owns` this lead: they had the person, or its company, before."""

    status: PresenceStatus = "available"
    open: int = 0
    last_assigned_at: datetime | None = None
    assigned_today: int = 0
    owns: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rep who was looked at."""

    rep_id: str
    eligible: bool
    code: CandidateCode
    reason: str


def candidates(
    steps: Sequence[RouteStep],
    audiences: Sequence[Audience],
    policy: Policy,
    states: Mapping[str, RepState],
    *,
    submitted_at: datetime,
    now: datetime,
) -> tuple[Candidate, ...]:
    """
    List who could take a lead: the eligible in the order they would be offered, then the excluded of the steps' pools.

    A rep without a state is offline. Turns of `weighted_round_robin` are the
    ledger's; here its order is by longest idle.
    """
    view = _View(policy, states, now)
    owners = [rep for rep in policy.reps.values() if view.state(rep).owns and view.obstacle(rep, sticky=True) is None]
    listed: dict[str, CandidateCode] = dict.fromkeys(sorted((r.id for r in owners), key=view.idle), "eligible")
    current = _opened(steps, audiences, view, submitted_at=submitted_at)
    for index, audience in enumerate(audiences[:current]):
        free = [rep_id for rep_id in audience.members if view.obstacle(policy.reps[rep_id]) is None]
        if free:
            listed.update(dict.fromkeys(sorted(free, key=view.order(audience.strategy)), "eligible"))
            current = index + 1
            break
    for audience in audiences:
        pool = policy.pools.get(audience.pool)
        for rep_id in pool.members if pool is not None else ():
            listed.setdefault(rep_id, view.code(policy.reps[rep_id], audiences))
    return tuple(
        Candidate(rep_id, code == "eligible", code, sentence(code, policy.reps[rep_id].name))
        for rep_id, code in listed.items()
    )


def _opened(
    steps: Sequence[RouteStep],
    audiences: Sequence[Audience],
    view: _View,
    *,
    submitted_at: datetime,
) -> int:
    """Return how many steps are open: the next one is held back only by `widen_after`, while somebody is on duty."""
    opened = min(1, len(audiences))
    while 0 < opened < len(audiences):
        widen_after = steps[opened - 1].widen_after
        aged = widen_after is None or view.now >= submitted_at + timedelta(milliseconds=widen_after)
        if not aged and any(view.on_duty(rep_id) for rep_id in audiences[opened - 1].members):
            break
        opened += 1
    return opened


@dataclass(frozen=True, slots=True)
class _View:
    policy: Policy
    states: Mapping[str, RepState]
    now: datetime

    def state(self, rep: Rep) -> RepState:
        return self.states.get(rep.id) or RepState(status="offline")

    def hours(self, rep: Rep) -> State:
        return self.policy.calendars[rep.calendar].state(self.now) if rep.calendar is not None else "open"

    def obstacle(self, rep: Rep, *, sticky: bool = False) -> CandidateCode | None:
        """Return the first reason of the rep's own, in the contract's order. An owner's lead passes the daily limit."""
        state = self.state(rep)
        if not rep.active:
            return "inactive"
        if state.status != "available":
            return state.status
        hours = self.hours(rep)
        if hours != "open":
            return hours
        if state.open >= rep.capacity:
            return "at_capacity"
        limit = self.policy.limits.daily_per_rep
        if limit is not None and state.assigned_today >= limit and not sticky:
            return "daily_limit"
        return None

    def on_duty(self, rep_id: str) -> bool:
        rep = self.policy.reps[rep_id]
        there = rep.active and self.state(rep).status == "available" and self.hours(rep) == "open"
        return there and rep.capacity > 0

    def code(self, rep: Rep, audiences: Sequence[Audience]) -> CandidateCode:
        """Return why a rep who is not among the eligible is not."""
        own = self.obstacle(rep)
        if own is not None:
            return own
        return "later_step" if any(rep.id in audience.members for audience in audiences) else "no_match"

    def idle(self, rep_id: str) -> tuple[float, str]:
        """Sort by longest idle, never assigned first, then by id."""
        last = self.state(self.policy.reps[rep_id]).last_assigned_at
        return (last.timestamp() if last is not None else float("-inf"), rep_id)

    def order(self, strategy: Strategy) -> Callable[[str], tuple[float, ...] | tuple[float | str, ...]]:
        def key(rep_id: str) -> tuple[float | str, ...]:
            rep = self.policy.reps[rep_id]
            if strategy == "least_loaded":
                return (self.state(rep).open / rep.weight, *self.idle(rep_id))
            if strategy == "in_order":
                return (rep.order,)
            return self.idle(rep_id)

        return key
