"""
Offers: a lead is given to a rep, taken back, or left to wait; and who waits is served.

A lead that waits could be taken by nobody who is free when it was last looked at;
so after a change only the leads that the change touches are looked at again, in
queue order (`settle`).
"""

from __future__ import annotations

from collections.abc import Container

from router.domain.ledger import choices, clocks, reps
from router.domain.ledger.facts import Fact, fact
from router.domain.ledger.state import Lead, LeadState, Ledger, Rep


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


def assign(ledger: Ledger, lead: Lead, choice: choices.Choice, now: int) -> list[Fact]:
    """
    Give the lead to the chosen rep.

    An owner from outside the steps has as long to accept as a rep of the first one: to be known is no reason to let
    somebody wait.
    """
    known = choices.candidates(ledger, lead, choice.opened, now, choice.rep)
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
    looked_at = max(lead.considered, len(known))  # the pools, and who is named from outside them
    return [assignment(ledger, lead, "assigned", now, cands=known, considered=looked_at), *told]


def assign_to(ledger: Ledger, lead: Lead, rep: Rep, now: int) -> list[Fact]:
    """Give the lead to this very rep, in the steps or not."""
    return assign(
        ledger, lead, choices.Choice(choices.home(ledger, lead, rep), rep, choices.reach(ledger, lead, now)), now
    )


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
    choice = None if lead.parked else choices.pick(ledger, lead, choices.reach(ledger, lead, now), ledger.reps, now)
    if choice is not None:
        return assign(ledger, lead, choice, now)
    return [] if lead.state == "waiting" else _queue(ledger, lead, now)


def _queue(ledger: Ledger, lead: Lead, now: int) -> list[Fact]:
    lead.state = "waiting"
    lead.reach = len(lead.steps) if lead.parked else choices.reach(ledger, lead, now)
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
    lead.reach = choices.reach(ledger, lead, now)
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
                choice = choices.pick(ledger, lead, choices.reach(ledger, lead, now, timed=False), again, now)
            if choice is not None:
                out += assign(ledger, lead, choice, now)
                break
        else:
            return out


def _turned_takes(ledger: Ledger, lead: Lead, turned: Rep | None, now: int) -> choices.Choice | None:
    if turned is None or reps.obstacle(ledger, turned, now) is not None:
        return None
    index = choices.home(ledger, lead, turned)
    return choices.Choice(index, turned, len(lead.steps)) if index or turned.id in lead.owners else None
