"""Leads a second, and CPU time a lead: worker, floor and peers, one after the other, on the same backlog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.benchmarks.cpu import Spending
from tests.benchmarks.load import REPS, ROOM, submissions
from tests.benchmarks.peers import Peer, python
from tests.benchmarks.place import DRAINED_WITHIN, FLOOR_TOPICS, Place, Servers, held, new_place

FULL = 1  # the capacity of reps who have their hands full after the first leads
PEER_AT_MOST = 6.0  # seconds; the slowest would need minutes for the backlog
DECISIONS, RESULTS = FLOOR_TOPICS
WORKER, FLOOR, QUEUED, TWO = "worker", "floor", "worker, queued", "two workers"


class NotTheWork(Exception):
    """What was measured was not the work that should have been; the numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Turn:
    """
    Leads a second of one program in one round.

    `cpu` is CPU time a lead in µs: `itself`, and of each server; empty where the system does not tell.
    """

    rate: float
    cpu: Mapping[str, float]


Round = Mapping[str, Turn]
"""The turns of one round, by who had them."""


async def one_round(servers: Servers, leads: int, peers: Sequence[Peer] = (), *, in_full: bool = False) -> Round:
    """Let them work through the same backlog by turns; *in_full* a queue is filled, too, and two workers share one."""
    place = await new_place(servers)
    turns = {WORKER: await _workers(place, leads, ROOM), FLOOR: await _floor(place, leads)}
    for number, peer in enumerate(peers):
        turns[peer.title] = await _peer(place, leads, peer, f"peer-{number}")
    if in_full:
        turns[QUEUED] = await _workers(await new_place(servers), leads, FULL)
        turns[TWO] = await _workers(await new_place(servers), leads, ROOM, 2)
    return turns


async def _workers(place: Place, leads: int, capacity: int, count: int = 1) -> Turn:
    backlog = list(submissions(leads))
    async with place.workers(count, capacity) as workers:
        with held(*workers):
            await place.write(backlog)
            pids = {f"itself {number}": worker.pid for number, worker in enumerate(workers)}
            spending = Spending({**pids, **place.servers.pids})
        _ = await place.drained("lead-decisions", leads)
        spent = dict(spending.a_lead(leads))
        census = await place.census()
        while (missing := leads - census.counts["lead.decided.v1"]) > 0:  # some were published twice: they were held
            _ = await place.drained("lead-decisions", census.decisions + missing)
            census = await place.census()
    wanted = "lead.assigned.v1" if capacity == ROOM else "lead.queued.v1"
    if census.counts["to sales"] < leads or census.counts[wanted] < leads * 0.99 - REPS:
        raise NotTheWork(f"of {leads} leads came {dict(census.counts)}")
    own = [spent.pop(name) for name in pids if name in spent]
    return Turn(census.rate, {"itself": sum(own), **spent} if own else {})


async def _floor(place: Place, leads: int) -> Turn:
    return await _bare_job(place, leads, FLOOR, place.program("floor", FLOOR))


async def _peer(place: Place, leads: int, peer: Peer, name: str) -> Turn:
    program = place.program(f"peers.{peer.module}", name, python=python(), at_once=peer.at_once)
    return await _bare_job(place, leads, name, program, PEER_AT_MOST)


async def _bare_job(
    place: Place,
    leads: int,
    name: str,
    program: AbstractAsyncContextManager[int],
    at_most: float = DRAINED_WITHIN,
) -> Turn:
    """Watch a program do the bare job, and look whether it did all of it: the claim and both records."""
    base = await place.count(DECISIONS), await place.count(RESULTS)
    async with program as pid:
        spending = Spending({"itself": pid, **place.servers.pids})
        drained = await place.drained(RESULTS, leads, base=base[1], at_most=at_most)
        spent = spending.a_lead(drained.count)
        done = await place.count(DECISIONS) - base[0], await place.claimed(name)
    if min(done) < drained.count:
        told = f"{name} sent {drained.count} assignments, but {done[0]} decisions, and claimed {done[1]} leads"
        raise NotTheWork(told)
    return Turn(drained.rate, spent)
