"""Duty: who comes and who goes, by presence, by its expiry, and by the hours of calendars."""

from __future__ import annotations

from router.domain.ledger import offers, reps
from router.domain.ledger.facts import Fact
from router.domain.ledger.state import DAY, Ledger, Rep


def advance(ledger: Ledger, now: int) -> list[Fact]:
    """
    Let expire what has expired and open what has opened, so that nobody is taken for available who is not.

    All of it before anybody is served: else an opening could give a lead to a rep whose presence had run out too.
    """
    due = sorted((at, kind, name) for (kind, name), at in ledger.timers.items() if kind in ("expire", "hours"))
    gone: list[Rep] = []
    changed: list[Rep] = []
    for at, kind, name in due:
        if at > now:
            break
        ledger.timers.pop((kind, name), None)
        if kind == "expire":
            ledger.reps[name].status = "offline"
            expire_at(ledger, ledger.reps[name], 0)
            gone.append(ledger.reps[name])
        else:
            changed += [rep for rep in in_order(ledger) if rep.active and (rep.calendar or "") == name]
            arm_calendar(ledger, name, now)
    changed += gone
    if not changed:
        return []
    left = any([reps.refresh_duty(ledger, rep, now) for rep in changed])  # noqa: C419 - all of them, then the queue
    out = [fact for rep in gone for fact in take_back(ledger, rep, now)]
    return out + offers.settle(ledger, now, {rep.id for rep in changed}, left=left or bool(gone))


def in_order(ledger: Ledger) -> list[Rep]:
    """List all reps in the order of the configuration."""
    return sorted(ledger.reps.values(), key=lambda rep: (rep.order, rep.id))


def arm_calendar(ledger: Ledger, name: str, now: int) -> None:
    """Set the timer of the next edge of a calendar; "" is of those without one, whose day begins at midnight UTC."""
    if name == "":
        ledger.timers[("hours", "")] = now - now % DAY + DAY
        return
    coming = [edge.at for edge in ledger.calendars.get(name, ()) if edge.at > now]
    if coming:
        ledger.timers[("hours", name)] = coming[0]


def expire_at(ledger: Ledger, rep: Rep, until: int) -> None:
    """Let the status end at *until*; 0: never."""
    rep.until = until
    if until:
        ledger.timers[("expire", rep.id)] = until
    else:
        ledger.timers.pop(("expire", rep.id), None)


def leave(ledger: Ledger, rep: Rep, status: str, now: int) -> list[Fact]:
    """Make the rep away or offline, and take back what is not accepted."""
    rep.status = status
    expire_at(ledger, rep, 0)
    reps.refresh_duty(ledger, rep, now)
    return take_back(ledger, rep, now) + offers.settle(ledger, now, left=True)


def take_back(ledger: Ledger, rep: Rep, now: int) -> list[Fact]:
    """Take from the rep what they have not accepted, the longest held first."""
    theirs = [lead for lead in ledger.leads.values() if lead.rep == rep.id and lead.state == "held"]
    out: list[Fact] = []
    for lead in sorted(theirs, key=lambda a: (a.assigned_at, a.id)):
        out += offers.unassign(ledger, lead, "rep_unavailable", now)
    return out
