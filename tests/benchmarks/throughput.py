"""Leads a second, and CPU time a lead: one worker on a backlog, and the floor on the same backlog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.cpu import Spending
from tests.benchmarks.load import ROOM, submissions
from tests.benchmarks.place import Place, Servers, held, new_place

FULL = 1  # the capacity of reps who have their hands full after the first leads


class NotTheWork(Exception):
    """What was measured was not the work that should have been; the numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Round:
    """
    Leads a second of each in one round; `queued` where it was measured too.

    `worker_cpu` and `floor_cpu` are CPU time a lead in µs, by process; empty where the system does not tell.
    """

    floor: float
    assigned: float
    queued: float | None
    worker_cpu: Mapping[str, float]
    floor_cpu: Mapping[str, float]


async def one_round(servers: Servers, leads: int, *, with_queued: bool) -> Round:
    """Let a worker and the floor drain the same backlog one after the other, and a second worker fill a queue."""
    place = await new_place(servers)
    assigned, worker_cpu = await _worker(place, leads, ROOM)
    async with place.floor("drain") as pid:
        spending = Spending({"floor": pid, **servers.pids})
        floor = await place.drained("floor-assignments", leads)
        floor_cpu = spending.a_lead(leads)
    queued = (await _worker(await new_place(servers), leads, FULL))[0] if with_queued else None
    return Round(floor, assigned, queued, worker_cpu, floor_cpu)


async def _worker(place: Place, leads: int, capacity: int) -> tuple[float, Mapping[str, float]]:
    async with place.worker(capacity) as worker:
        backlog = list(submissions(leads))
        with held(worker):
            await place.write(backlog)
            spending = Spending({"worker": worker.pid, **place.servers.pids})
        rate = await place.drained("lead-decisions", leads)
        spent = spending.a_lead(leads)
    counts = await place.census()
    wanted = "lead.assigned.v1" if capacity == ROOM else "lead.queued.v1"
    if counts["decided"] < leads or counts["to sales"] < leads or counts[wanted] < leads * 0.99:
        raise NotTheWork(f"of {leads} leads came {dict(counts)}")
    return rate, spent
