"""Really concurrent workers: each a thread with its own client of one Valkey, all let go at the same moment."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import orjson

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.facts import Fact
from router.domain.ledger.verbs import Attend, Audience, Install, Place, Seat, Step, Verb
from router.ports import Applied
from tests.unit.ledger_story import START, seat

T = TypeVar("T")
DAY = 86_400_000
Job = Callable[[RedisLedger], Awaitable[T]]


def together(url: str, workspace: str, jobs: Sequence[Job[T]]) -> list[T]:
    """Run each of *jobs* as a worker of its own; they all begin when the last is ready."""
    ready = threading.Barrier(len(jobs), timeout=30)

    async def work(job: Job[T]) -> T:
        async with connect(url) as client:
            ledger = RedisLedger(client, workspace)
            await ledger.announce()
            ready.wait()
            return await job(ledger)

    def run(job: Job[T]) -> T:
        return asyncio.run(work(job))

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def opened(url: str, workspace: str, *seats: Seat, before: Sequence[Verb] = (), status: str = "available") -> None:
    """Begin a ledger with *seats*, all of them there, in the pool `all`, and apply what came *before*."""
    reps = tuple(one.id for one in seats)
    install = Install(
        "v1", seats, {"all": reps}, {}, 5, 999, None, 30_000, DAY, audiences=(Audience("all", "all", "in_order", reps),)
    )
    there = [Attend(rep, status, START, 0) for rep in reps]  # type: ignore[arg-type]  # a status

    async def begin(ledger: RedisLedger) -> None:
        await ledger.begin("test")
        await ledger.apply([install, *there, *before], START)

    together(url, workspace, [begin])


def team(size: int, capacity: int) -> list[Seat]:
    """Return *size* reps with room for *capacity* leads each."""
    return [seat(f"rep{number}", number, capacity=capacity) for number in range(size)]


def submission(name: str, accept_within: int | None = None) -> Place:
    """Return a submission for the pool `all`."""
    return Place(
        f"s-{name}", name, "sales", "iql", START, START, START, "v1", "{}", "{}", "hot",
        steps=(Step("all", "all", accept_within),), escalate_to="mia", considered=1,
    )  # fmt: skip


def told(answers: Sequence[Sequence[Applied]]) -> list[Fact]:
    """Return the assignment events of all *answers*, by their sequence, which must have no gap and no repeat."""
    facts = [fact for some in answers for one in some for fact in orjson.loads(one.facts) if "seq" in fact]
    facts.sort(key=lambda fact: fact["seq"])
    numbers = [fact["seq"] for fact in facts]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    return facts


def highest_loads(facts: Sequence[Fact]) -> dict[str, int]:
    """Replay *facts* and return the most that each rep ever held; a lead never has two holders on the way."""
    holder: dict[str, str] = {}
    load: Counter[str] = Counter()
    highest: defaultdict[str, int] = defaultdict(int)
    for fact in facts:
        lead = fact["lead"]
        if fact["t"] == "assigned":
            assert lead not in holder, f"{lead} has two owners"
            holder[lead] = fact["rep"]
            load[fact["rep"]] += 1
            highest[fact["rep"]] = max(highest[fact["rep"]], load[fact["rep"]])
        elif fact["t"] in ("unassigned", "touched", "closed") and lead in holder:
            load[holder.pop(lead)] -= 1
    return dict(highest)
