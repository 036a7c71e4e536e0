"""
Promise 6, nobody waits while somebody is free, as far as the ledger itself shows it at one instant.

It is worked out from what the ledger keeps of leads and reps, not from the indexes by
which it serves them: a wrong index is what would show here. Where a rule leaves a doubt, a
rep counts as not free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiter:
    """A lead in the queue; *audiences* are those of its open steps, *tried* the reps that it was with already."""

    lead_id: str
    attempt: int
    parked: bool
    tried: frozenset[str]
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FreeRep:
    """
    A rep, free or not.

    * **until** - when the presence runs out, in ms; 0 never. **calendar** - empty for none.
    * **room** - leads that the rep can take still. **at_limit** - whether the day's number may be reached.
    * **turn** - grows with each lead that the rep gets.
    """

    active: bool
    status: str
    until: int
    calendar: str
    room: int
    at_limit: bool
    turn: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    The queue and the reps at one instant, in ms.

    * **members** - audience -> its reps. **calendars** - name -> instants and the state from then on, in order.
    """

    at: int
    leads: tuple[Waiter, ...]
    members: Mapping[str, frozenset[str]]
    reps: Mapping[str, FreeRep]
    calendars: Mapping[str, tuple[tuple[int, str], ...]]


def waits_for_nobody(seen: Waiting) -> Iterator[tuple[str, int, str, int]]:
    """Give each lead that waits while a rep is free: lead, attempt, rep, the rep's turn."""
    free = {name for name, rep in seen.reps.items() if _is_free(rep, seen)}
    for lead in seen.leads:
        if lead.parked:
            continue
        reps = {rep for audience in lead.audiences for rep in seen.members.get(audience, ())}
        for rep in sorted((reps & free) - lead.tried):
            yield lead.lead_id, lead.attempt, rep, seen.reps[rep].turn


def _is_free(rep: FreeRep, seen: Waiting) -> bool:
    there = rep.active and rep.status == "available" and (rep.until == 0 or rep.until > seen.at)
    return there and rep.room > 0 and not rep.at_limit and (not rep.calendar or _is_open(rep.calendar, seen))


def _is_open(calendar: str, seen: Waiting) -> bool:
    edges = seen.calendars.get(calendar, ())
    if not edges or edges[-1][0] <= seen.at:
        return False
    past = [state for at, state in edges if at <= seen.at]
    return bool(past) and past[-1] == "open"
