"""
A ledger of a chosen size in a real Valkey, made by real verbs, and what one more verb costs in it.

The cost is the server's own: the time that it counts for the one call of the function, and how many commands the
function ran. Time inside the ledger is an argument, so nothing depends on how long the setting up took.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from router.adapters.redis.functions import library
from router.adapters.redis.items import arguments
from router.domain.ledger.verbs import Act, Attend, Audience, Clock, Install, Place, Seat, Step, Tick, Verb

START = 1_772_460_000_000
OFFER = 60_000
FAR = 30 * 86_400_000
AT_ONCE = 500
TIMERS_A_LEAD = 10


@dataclass(frozen=True, slots=True)
class Size:
    """
    How large a ledger is.

    * **reps**, **capacity** - all available; where nobody should be free, `waiting` fills them up.
    * **waiting** - leads that wait because all reps are full.
    * **timers** - timers that are set and due in the far future: some ten a lead, of leads that wait elsewhere.
    * **audiences** - by `match`, of one pool; 0: no `match`, all of the pool. A rep is in **several** of them.
    * **widens** - after its audience a lead may go to all of the pool.
    """

    reps: int = 10
    capacity: int = 1_000_000
    waiting: int = 0
    timers: int = 0
    audiences: int = 0
    several: int = 4
    widens: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call cost: time inside the server in µs, and how many commands the function ran."""

    micros: int
    commands: int


class World:
    """One ledger of one size. Everything it does goes through the ledger's function."""

    def __init__(self, client: redis.Redis, workspace: str, size: Size) -> None:
        self._client = client
        self._function, source = library()
        client.function_load(source, replace=True)
        self._prefix = f"{{{workspace}}}:"
        self._size = size
        self._ids = itertools.count()
        self._now = START
        self._held: list[tuple[str, str]] = []
        client.set(self._prefix + "epoch", "benchmark")
        self._fill()

    def place(self) -> Cost:
        """Place one more lead."""
        return self._measured(self._place())

    def touch(self) -> Cost:
        """Touch the lead that has been held longest; that frees its rep, who takes the next one that waits."""
        lead, rep = self._held.pop(0)
        return self._measured(Act(f"a{next(self._ids)}", lead, rep, "touch", self._now))

    def miss(self) -> Cost:
        """Let the time for accepting pass and tick: each lead that is held goes on to somebody else."""
        self._now += OFFER
        self._held.clear()
        return self._measured(Tick())

    def tick(self) -> Cost:
        """Tick while nothing is due."""
        return self._measured(Tick())

    def forget(self) -> None:
        """Drop the whole ledger."""
        for keys in _in_parts(self._client.scan_iter(self._prefix + "*", count=5_000)):
            self._client.unlink(*keys)

    def _fill(self) -> None:
        size = self._size
        reps = tuple(f"r{number:05}" for number in range(size.reps))
        seats = tuple(Seat(rep, True, size.capacity, 1, order) for order, rep in enumerate(reps))  # noqa: FBT003 - active
        self._apply([
            Install(
                version="v",
                seats=seats,
                pools={"all": reps, "elsewhere": ()},
                calendars={},
                max_attempts=1_000_000,
                misses_before_away=1_000_000,
                daily_per_rep=None,
                retry_after=1,
                max_age=2 * FAR,
            )
        ])  # fmt: skip
        self._apply(Attend(rep, "available", START, 0) for rep in reps)
        self._apply(self._audiences(reps))
        while self._client.zcard(self._prefix + "timers") < size.timers:
            self._apply(self._place("elsewhere") for _ in range(min(AT_ONCE, size.timers // TIMERS_A_LEAD)))
        full = size.reps * size.capacity if size.waiting else 0
        self._apply(self._place() for _ in range(full + size.waiting))

    def _audiences(self, reps: tuple[str, ...]) -> Iterator[Audience]:
        size = self._size
        yield Audience("all", "all", "least_loaded", reps)
        yield Audience("elsewhere", "elsewhere", "least_loaded", ())
        members: list[list[str]] = [[] for _ in range(size.audiences)]
        for number, rep in enumerate(reps):
            for several in range(min(size.several, size.audiences)):
                members[(number * size.several + several) % size.audiences].append(rep)
        for number, those in enumerate(members):
            yield Audience(f"m{number}", "all", "least_loaded", tuple(those), "rep.x", f'{{"x":{number}}}')

    def _place(self, pool: str = "all") -> Place:
        number = next(self._ids)
        steps = [Step(pool, pool, OFFER)]
        if self._size.audiences and pool == "all":
            mine = number % min(self._size.audiences, self._size.reps * self._size.several)
            steps = [Step(f"m{mine}", "all", OFFER, FAR), *(steps if self._size.widens else ())]
        warnings = TIMERS_A_LEAD - 1 if pool == "elsewhere" else 2
        warn_at = tuple((index / 10, self._now + FAR - 10_000 + index) for index in range(warnings))
        return Place(
            submission_id=f"s{number}",
            lead_id=f"L{number:08}",
            to="sales",
            stage="iql",
            submitted_at=self._now,
            received_at=self._now,
            decided_at=self._now,
            policy_version="v",
            decision="{}",
            card='{"name":"Ada","company":"Acme"}',
            route="hot",
            clock=Clock("hot", FAR, self._now + FAR, warn_at),
            steps=tuple(steps),
            considered=self._size.reps,
        )

    def _measured(self, verb: Verb) -> Cost:
        before = self._statistics()
        self._apply([verb])
        after = self._statistics()
        return Cost(after[0] - before[0], after[1] - before[1] - 2)  # without DEL of the outbox and this INFO

    def _statistics(self) -> tuple[int, int]:
        """Return the µs spent in functions until now, and the number of commands but functions."""
        rows: Any = self._client.info("commandstats")
        micros = int(rows.pop("cmdstat_fcall", {"usec": 0})["usec"])
        return micros, sum(int(row["calls"]) for row in rows.values())

    def _apply(self, verbs: Iterable[Verb]) -> None:
        for part in _in_parts(verbs):
            items = [argument for verb in part for argument in arguments(verb)]
            rows: Any = self._client.fcall(
                self._function, 1, self._prefix, str(self._now), "benchmark", "", "0", *items
            )
            self._client.delete(self._prefix + "out")  # as if all were published
            for code, facts, *_ in rows:
                assert code in (b"done", b"more"), code
                self._note(orjson.loads(facts))

    def _note(self, facts: list[dict[str, Any]]) -> None:
        self._held += [(fact["lead"], fact["rep"]) for fact in facts if fact["t"] == "assigned"]


def _in_parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while part := list(itertools.islice(rest, AT_ONCE)):
        yield part
