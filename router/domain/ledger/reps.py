"""Reps in the ledger: who is there, who is free, in which order they are offered a lead."""

from __future__ import annotations

from collections.abc import Iterator

from router.domain.ledger.state import DAY, STRIDE, Ledger, Rep
from router.domain.ledger.verbs import Audience


def hours(ledger: Ledger, rep: Rep, now: int) -> str:
    """Return `open`, `outside_hours` or `holiday`; beyond the known edges a calendar is closed."""
    if rep.calendar is None:
        return "open"
    state = "outside_hours"
    edges = ledger.calendars.get(rep.calendar, ())
    for edge in edges:
        if edge.at > now:
            return state
        state = edge.state
    return "outside_hours"


def midnight(ledger: Ledger, rep: Rep, now: int) -> int:
    """Return the start of the rep's local day, in UTC without a calendar."""
    if rep.calendar is None:
        return now - now % DAY
    starts = [edge.at for edge in ledger.calendars.get(rep.calendar, ()) if edge.midnight and edge.at <= now]
    return starts[-1] if starts else 0


def assigned_today(ledger: Ledger, rep: Rep, now: int) -> int:
    """Count the leads newly assigned since local midnight."""
    return rep.today if rep.day == midnight(ledger, rep, now) else 0


def at_daily_limit(ledger: Ledger, rep: Rep, now: int) -> bool:
    """Tell whether the rep has had all the leads of a day, and gets no other before midnight."""
    return ledger.daily_per_rep is not None and assigned_today(ledger, rep, now) >= ledger.daily_per_rep


def obstacle(ledger: Ledger, rep: Rep, now: int) -> str | None:
    """Name the first reason of their own why the rep takes no lead now, in the contract's order; None: free."""
    if not rep.active:
        return "inactive"
    if rep.status != "available":
        return rep.status
    state = hours(ledger, rep, now)
    if state != "open":
        return state
    if rep.load >= rep.capacity:
        return "at_capacity"
    if at_daily_limit(ledger, rep, now):
        return "daily_limit"
    return None


def may_own(ledger: Ledger, rep: Rep, now: int) -> bool:
    """Tell whether the rep could take a lead that is theirs: as any other, but whatever they had today."""
    return obstacle(ledger, rep, now) in (None, "daily_limit")


def is_on_duty(ledger: Ledger, rep: Rep, now: int) -> bool:
    """Tell whether the rep is there and could become free, even when full at the moment."""
    there = rep.active and rep.status == "available" and hours(ledger, rep, now) == "open"
    return there and rep.capacity > 0


def refresh_duty(ledger: Ledger, rep: Rep, now: int) -> bool:
    """
    Note whether the rep is on duty, and tell whether they have just left.

    Who comes on duty starts level with the pool and is not flooded to catch up.
    """
    before, rep.on_duty = rep.on_duty, is_on_duty(ledger, rep, now)
    if rep.on_duty and not before:
        for pool, served in ledger.virtual.items():
            rep.passes[pool] = max(rep.passes.get(pool, 0), served)
    return before and not rep.on_duty


def order_key(audience: Audience, rep: Rep) -> tuple[int | str, ...]:
    """Sort key of a free rep: the strategy's own measure, ties by longest idle, then by id."""
    idle = (rep.turn, rep.id)
    if audience.strategy == "least_loaded":
        return (rep.load * STRIDE // rep.weight, *idle)
    if audience.strategy == "weighted_round_robin":
        return (rep.passes.get(audience.pool, 0), *idle)
    if audience.strategy == "longest_idle":
        return idle
    return (rep.order, *idle)


def members(ledger: Ledger, audience: str) -> Iterator[Rep]:
    """Yield the audience's reps that the policy in force knows."""
    for rep_id in ledger.audiences[audience].members:
        if rep_id in ledger.reps:
            yield ledger.reps[rep_id]


def free(ledger: Ledger, audience: str, now: int) -> list[Rep]:
    """List the free reps of an audience in the order they are offered a lead."""
    known = ledger.audiences[audience]
    able = [rep for rep in members(ledger, audience) if obstacle(ledger, rep, now) is None]
    return sorted(able, key=lambda rep: order_key(known, rep))


def charge(ledger: Ledger, rep: Rep, now: int) -> None:
    """Count one more lead for the rep, in all that strategies and limits measure by; the assignment is told next."""
    today = midnight(ledger, rep, now)
    rep.today = rep.today + 1 if rep.day == today else 1
    rep.day = today
    rep.load += 1
    rep.turn = ledger.sequence + 1


def advance_pass(ledger: Ledger, rep: Rep, pool: str) -> None:
    """Stride scheduling: the pool's time is the pass of the one served, whose own pass grows by stride over weight."""
    own = rep.passes.get(pool, 0)
    ledger.virtual[pool] = max(ledger.virtual.get(pool, 0), own)
    rep.passes[pool] = own + STRIDE // rep.weight
