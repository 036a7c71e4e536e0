"""
Choices: who could take a lead, and who does.

Its owners, who had the person or the company before, come first, in its steps or
not. A rep who was already tried is last in line: only when nobody else is on duty
for the lead, and no sooner than `retry_after`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from router.domain.ledger import reps
from router.domain.ledger.state import Lead, Ledger, Rep

SHOWN = 20  # candidates on the wire


def untried_on_duty(ledger: Ledger, lead: Lead, audience: str) -> bool:
    """Tell whether somebody on duty in *audience* has not been tried for the lead."""
    return any(rep.on_duty and rep.id not in lead.tried for rep in reps.members(ledger, audience))


def holds_back(ledger: Ledger, lead: Lead, audience: str, now: int) -> bool:
    """Tell whether somebody untried on duty in *audience* could still become free: not before midnight at the limit."""
    there = (rep for rep in reps.members(ledger, audience) if rep.on_duty and rep.id not in lead.tried)
    return any(not reps.at_daily_limit(ledger, rep, now) for rep in there)


def reach(ledger: Ledger, lead: Lead, now: int, *, timed: bool = True) -> int:
    """
    Return how many of the lead's steps are open.

    A step with `widen_after` keeps the next one closed while somebody in it
    holds it back and, where *timed*, the lead is not that old yet. Else time
    opens nothing: for a lead that waits, its timer does that.
    """
    opened = lead.reach
    while opened < len(lead.steps):
        step = lead.steps[opened - 1]
        aged = step.widen_after is None or (timed and now >= lead.submitted + step.widen_after)
        if not aged and holds_back(ledger, lead, step.audience, now):
            break
        opened += 1
    return opened


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets a lead, by which step (from 1; None: from outside the steps), and how many steps were open."""

    step: int | None
    rep: Rep
    opened: int


def pick(ledger: Ledger, lead: Lead, opened: int, again: Container[str], now: int) -> Choice | None:
    """Choose an owner, or a rep within the *opened* steps; of those already tried only one in *again*."""
    for rep in owners(ledger, lead, now):
        if rep.id not in lead.tried:
            return Choice(home(ledger, lead, rep), rep, opened)
    for index, step in enumerate(lead.steps[:opened], start=1):
        for rep in reps.free(ledger, step.audience, now):
            if rep.id not in lead.tried:
                return Choice(index, rep, opened)
    if not lead.tried or any(untried_on_duty(ledger, lead, step.audience) for step in lead.steps):
        return None
    able = {rep.id: home(ledger, lead, rep) for rep in owners(ledger, lead, now)}
    for index, step in enumerate(lead.steps[:opened], start=1):
        for rep in reps.free(ledger, step.audience, now):
            able.setdefault(rep.id, index)
    turns = [
        (at, rep_id)
        for rep_id, at in lead.tried.items()
        if rep_id in able and rep_id in again and now >= at + ledger.retry_after
    ]
    if not turns:
        return None
    _, rep_id = min(turns)
    return Choice(able[rep_id], ledger.reps[rep_id], opened)


def owners(ledger: Ledger, lead: Lead, now: int) -> list[Rep]:
    """List the lead's owners who could take it now, in their order."""
    known = [ledger.reps[rep_id] for rep_id in lead.owners if rep_id in ledger.reps]
    return [rep for rep in known if reps.may_own(ledger, rep, now)]


def home(ledger: Ledger, lead: Lead, rep: Rep) -> int | None:
    """Return the first step whose audience the rep is in."""
    for index, step in enumerate(lead.steps, start=1):
        if rep.id in ledger.audiences[step.audience].members:
            return index
    return None


def somebody_else(ledger: Ledger, lead: Lead, now: int) -> bool:
    """Tell whether another rep than the holder could take the lead in the same state change."""
    if lead.tries + 1 >= ledger.max_attempts:
        return False
    trial = replace(lead, reach=1, tried={**lead.tried, str(lead.rep): now})
    return pick(ledger, trial, reach(ledger, trial, now), ledger.reps, now) is not None


def candidates(
    ledger: Ledger, lead: Lead, opened: int, now: int, chosen: Rep | None = None, shown: int = SHOWN
) -> list[tuple[str, str]]:
    """
    List (rep, code): who is *chosen*, those next in line, then the others of the steps' pools and why not.

    At most *shown*; next in line are the owners, then the reps of the first of the *opened* steps that has somebody.
    """
    listed: dict[str, str] = {} if chosen is None else {chosen.id: "eligible"}
    listed.update({rep.id: "eligible" for rep in owners(ledger, lead, now) if rep.id not in lead.tried})
    current = opened
    for index, step in enumerate(lead.steps[:opened], start=1):
        able = [rep.id for rep in reps.free(ledger, step.audience, now) if rep.id not in lead.tried]
        if able:
            current = index
            listed.update(dict.fromkeys(able[:shown], "eligible"))
            break
    for step in lead.steps:
        for rep_id in ledger.pools.get(step.pool, ()):
            if len(listed) >= shown:
                break
            if rep_id not in listed:
                listed[rep_id] = _code(ledger, lead, ledger.reps[rep_id], current, now)
    return list(listed.items())[:shown]


def _code(ledger: Ledger, lead: Lead, rep: Rep, current: int, now: int) -> str:
    own = reps.obstacle(ledger, rep, now)
    if own is not None:
        return own
    index = home(ledger, lead, rep)
    if index is None:
        return "no_match"
    if rep.id in lead.tried:
        return "already_tried"
    return "eligible" if index <= current else "later_step"
