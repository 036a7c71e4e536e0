"""Leads a second: one worker on a backlog, and the floor on the same backlog."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.load import ROOM, submissions
from tests.benchmarks.place import Place, Servers, held, new_place

FULL = 1  # the capacity of reps who have their hands full after the first leads


class NotTheWork(Exception):
    """What was measured was not the work that should have been; the numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Round:
    """Leads a second of each in one round; `queued` where it was measured too."""

    floor: float
    assigned: float
    queued: float | None


async def one_round(servers: Servers, leads: int, *, with_queued: bool) -> Round:
    """Let a worker and the floor drain the same backlog one after the other, and a second worker fill a queue."""
    place = await new_place(servers)
    assigned = await _worker(place, leads, ROOM)
    async with place.floor("drain"):
        floor = await place.drained("floor-assignments", leads)
    queued = await _worker(await new_place(servers), leads, FULL) if with_queued else None
    return Round(floor, assigned, queued)


async def _worker(place: Place, leads: int, capacity: int) -> float:
    async with place.worker(capacity) as worker:
        backlog = list(submissions(leads))
        with held(worker):
            await place.write(backlog)
        rate = await place.drained("lead-decisions", leads)
    counts = await place.census()
    wanted = "lead.assigned.v1" if capacity == ROOM else "lead.queued.v1"
    if counts["decided"] < leads or counts["to sales"] < leads or counts[wanted] < leads * 0.99:
        raise NotTheWork(f"of {leads} leads came {dict(counts)}")
    return rate
