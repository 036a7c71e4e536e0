"""
Offers: which rep gets a lead, what happens when one is lost, who waits and who is served next.

Three rules make the rest simple. A lead that waits could be taken by nobody who
is free when it was last looked at; so after a change only the leads that the
change touches are looked at again, in queue order (`settle`). Its owners, who
had the person or the company before, come first, in its steps or not. And a rep
who was already tried is last in line: only when nobody else is on duty for the
lead, and no sooner than `retry_after`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from router.domain.ledger import clocks, reps
from router.domain.ledger.facts import Fact, fact
from router.domain.ledger.state import Lead, LeadState, Ledger, Rep

SHOWN = 20  # candidates on the wire


def untried_on_duty(ledger: Ledger, lead: Lead, audience: str) -> bool:
    """Tell whether somebody on duty in *audience* has not been tried for the lead."""
    return any(rep.on_duty and rep.id not in lead.tried for rep in reps.members(ledger, audience))


def reach(ledger: Ledger, lead: Lead, now: int | None) -> int:
    """
    Return how many of the lead's steps are open.

    A step with `widen_after` keeps the next one closed while somebody untried
    is on duty in it and, where *now* is given, the lead is not that old yet.
    Without *now* time opens nothing: for a lead that waits, its timer does that.
    """
    opened = lead.reach
    while opened < len(lead.steps):
        step = lead.steps[opened - 1]
        aged = step.widen_after is None or (now is not None and now >= lead.submitted + step.widen_after)
        if not aged and untried_on_duty(ledger, lead, step.audience):
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


def assignment(ledger: Ledger, lead: Lead, kind: str, now: int, **more: object) -> Fact:
    """Make a fact for lead-assignments, with the next sequence."""
    ledger.sequence += 1
    values: dict[str, object] = {
        "seq": ledger.sequence,
        "at": now,
        "lead": lead.id,
        "sub": lead.sub,
        "attempt": lead.attempt,
        "rep": lead.rep,
        "route": lead.route,
        "step": lead.step,
        "pool": lead.pool,
        "submitted": lead.submitted,
        "touch_by": lead.touch_by,
        "accept_by": lead.accept_by,
        "policy": lead.policy,
    }
    return fact(kind, **(values | more))


def notify(
    lead: Lead, kind: str, to: tuple[str, str | None], now: int, about: str, card: str | None = None
) -> list[Fact]:
    """Make the fact that tells somebody; *about* keeps apart what would otherwise be the same notification."""
    role, recipient = to
    if recipient is None:
        return []
    values: dict[str, object] = {
        "kind": kind,
        "role": role,
        "to": recipient,
        "at": now,
        "lead": lead.id,
        "sub": lead.sub or None,
        "attempt": lead.attempt,
        "touch_by": lead.touch_by,
        "about": about,
        "card": card or lead.card,
    }
    return [fact("notify", **values)]


def assign(ledger: Ledger, lead: Lead, choice: Choice, now: int) -> list[Fact]:
    """
    Give the lead to the chosen rep.

    An owner from outside the steps has as long to accept as a rep of the first one: to be known is no reason to let
    somebody wait.
    """
    known = candidates(ledger, lead, choice.opened, now, choice.rep)
    rep, index = choice.rep, choice.step
    step = lead.steps[index - 1] if index else None
    within = (step or lead.steps[0]).accept_within
    clocks.cancel(ledger, lead, "widen", "retry", "accept", "remind")
    lead.unheld_ms += max(0, now - lead.unheld_since)
    lead.attempt += 1
    lead.state, lead.parked = "held", False
    lead.rep = lead.last_rep = rep.id
    lead.step, lead.pool = index, step.pool if step else None
    lead.assigned_at, lead.accept_ms = now, 0
    lead.accept_by = None
    if within is not None:
        lead.accept_by = now + within
        clocks.set_timer(ledger, "accept", lead.id, lead.accept_by)
        clocks.set_timer(ledger, "remind", lead.id, now + within // 2)
    if lead.company is not None:
        ledger.accounts[lead.company] = rep.id
    if step and ledger.audiences[step.audience].strategy == "weighted_round_robin":
        reps.advance_pass(ledger, rep, step.pool)
    reps.charge(ledger, rep, now)
    told = notify(lead, "assigned", ("rep", rep.id), now, "")
    return [assignment(ledger, lead, "assigned", now, cands=known, considered=lead.considered), *told]


def assign_to(ledger: Ledger, lead: Lead, rep: Rep, now: int) -> list[Fact]:
    """Give the lead to this very rep, in the steps or not."""
    return assign(ledger, lead, Choice(home(ledger, lead, rep), rep, reach(ledger, lead, now)), now)


def let_go(ledger: Ledger, lead: Lead, now: int) -> Rep:
    """Take the lead out of its rep's hands; the rep has one place more."""
    holder = ledger.reps[str(lead.rep)]
    holder.load -= 1
    clocks.cancel(ledger, lead, "accept", "remind")
    lead.accept_by = None
    lead.rep = None
    lead.step, lead.pool = None, None
    lead.unheld_since = now
    return holder


def finish(ledger: Ledger, lead: Lead, state: LeadState, now: int) -> list[Fact]:
    """End what runs for the lead, free its rep and serve the queue."""
    clocks.cancel_all(ledger, lead)
    freed = {let_go(ledger, lead, now).id} if lead.rep is not None else set()
    lead.state = state
    return settle(ledger, now, freed)


def unassign(ledger: Ledger, lead: Lead, reason: str, now: int) -> list[Fact]:
    """Take the lead from its rep and give it to the next, or let it wait; `rep_unavailable` is no try."""
    out = [assignment(ledger, lead, "unassigned", now, reason=reason)]
    if reason not in ("declined", "released"):
        out += notify(lead, "unassigned", ("rep", lead.rep), now, reason)
    holder = let_go(ledger, lead, now)
    lead.reach = 1
    if reason != "rep_unavailable":
        lead.tried[holder.id] = now
        lead.tries += 1
    if lead.tries >= ledger.max_attempts and reason != "rep_unavailable":
        lead.parked = True
        out += notify(lead, "no_rep_available", ("manager", lead.escalate_to), now, f"attempts:{lead.attempt}")
    return out + offer(ledger, lead, now)


def offer(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Assign the lead if anybody can take it now, else let it wait."""
    choice = None if lead.parked else pick(ledger, lead, reach(ledger, lead, now), ledger.reps, now)
    if choice is not None:
        return assign(ledger, lead, choice, now)
    return [] if lead.state == "waiting" else _queue(ledger, lead, now)


def _queue(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    lead.state = "waiting"
    lead.reach = len(lead.steps) if lead.parked else reach(ledger, lead, now)
    out = [assignment(ledger, lead, "queued", now)]
    if not lead.parked:
        arm(ledger, lead, now)
    nobody = not any(
        rep.active and reps.hours(ledger, rep, now) == "open"
        for step in lead.steps
        for rep in reps.members(ledger, step.audience)
    )
    if nobody and not lead.told_nobody:
        lead.told_nobody = True
        out += notify(lead, "no_rep_available", ("manager", lead.escalate_to), now, "nobody")
    return out


def arm(ledger: Ledger, lead: Lead, now: int) -> None:
    """Set the timers by which a waiting lead is looked at again: its next step, and those already tried."""
    widen = lead.steps[lead.reach - 1].widen_after
    if lead.reach < len(lead.steps) and widen is not None:
        clocks.set_timer(ledger, "widen", lead.id, lead.submitted + widen)
    if lead.tried:
        coming = [at + ledger.retry_after for at in lead.tried.values() if at + ledger.retry_after > now]
        clocks.set_timer(ledger, "retry", lead.id, min(coming, default=now + ledger.retry_after))


def look_again(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    """Open what is due to open for a waiting lead, then offer it; a timer asks for this."""
    lead.reach = reach(ledger, lead, now)
    out = offer(ledger, lead, now)
    if lead.state == "waiting":
        arm(ledger, lead, now)
    return out


def settle(
    ledger: Ledger, now: int, freed: Container[str] = (), *, left: bool = False, turned: Rep | None = None
) -> list[Fact]:
    """
    Serve the queue until nobody who is free may take a lead that waits.

    * **freed** - ids of those who have just become free: of the reps already tried for a lead only they are
      looked at again here, the others by the lead's timer.
    * **left** - somebody has gone off duty: others may now be the only ones there, also those already tried.
    * **turned** - whose status has just turned to `available`; only such a one takes a lead that has had all its
      attempts.
    """
    again = ledger.reps if left else freed
    out: list[Fact] = []
    while True:
        for lead in sorted((a for a in ledger.leads.values() if a.state == "waiting"), key=Lead.queue_key):
            if lead.parked:
                choice = _turned_takes(ledger, lead, turned, now)
            else:
                choice = pick(ledger, lead, reach(ledger, lead, None), again, now)
            if choice is not None:
                out += assign(ledger, lead, choice, now)
                break
        else:
            return out


def _turned_takes(ledger: Ledger, lead: Lead, turned: Rep | None, now: int) -> Choice | None:
    if turned is None or reps.obstacle(ledger, turned, now) is not None:
        return None
    index = home(ledger, lead, turned)
    return Choice(index, turned, len(lead.steps)) if index or turned.id in lead.owners else None
