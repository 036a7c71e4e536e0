"""
`python -m tests.benchmarks.claim`: how the cost of one verb grows with the ledger.

Two ledgers, a small one and a large one, on the same Valkey take the same verbs by turns. What counts is the
server's own time for the call, and of that the ratio of the medians. Not a test: nothing passes or fails by a number.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import orjson
import redis
from rich.console import Console
from rich.table import Table

from tests.benchmarks.claim_world import Cost, Size, World
from tests.benchmarks.machine import machine
from tests.valkey import ValkeyServer

SAMPLES = 200
WARM_UP = 10
HEAD = ("one verb, server's time in µs", "from", "to", "small", "large", "large / small")

Turn = Callable[[World], dict[str, Cost]]


@dataclass(frozen=True, slots=True)
class Growth:
    """What grows, from one size to another, and the verbs that are measured."""

    what: str
    small: Size
    large: Size
    turn: Turn
    dimension: str

    def span(self) -> tuple[str, str]:
        """Say how large it is before and after."""
        return tuple(f"{getattr(size, self.dimension):,} {self.dimension}" for size in (self.small, self.large))  # type: ignore[return-value]  # of two comes two


@dataclass(frozen=True, slots=True)
class Row:
    """One verb in both ledgers; µs and commands are medians."""

    verb: str
    small: str
    large: str
    micros: tuple[float, float]
    commands: tuple[float, float]

    @property
    def ratio(self) -> float:
        """Return how many times as long it takes in the large one."""
        return self.micros[1] / self.micros[0]

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        small, large = (f"{value:,.0f}" for value in self.micros)
        return (self.verb, self.small, self.large, small, large, f"{self.ratio:.2f}")


def claims(world: World) -> dict[str, Cost]:
    """Place a lead that is assigned at once, let the offer pass, touch it in the end."""
    costs = {"place, assigns": world.place(), "tick, one offer passes": world.miss(), "tick, nothing due": world.tick()}
    return {**costs, "touch": world.touch()}


def queues(world: World) -> dict[str, Cost]:
    """Place a lead that has to wait, and touch one, so that its rep takes the first that waits."""
    return {"place, queues": world.place(), "touch, serves the queue": world.touch()}


REPS = (Size(reps=10), Size(reps=10_000))
WAITING = (Size(capacity=1, waiting=100), Size(capacity=1, waiting=100_000))
TIMERS = (Size(timers=1_000), Size(timers=1_000_000))
AUDIENCES = (Size(reps=100, audiences=4), Size(reps=100, audiences=200))
QUEUED = (Size(reps=100, capacity=1, waiting=400, audiences=4), Size(reps=100, capacity=1, waiting=400, audiences=200))


def growths() -> Iterator[Growth]:
    """Give all that is compared: each size by itself, without `match`, with it, and with a wider step behind it."""
    for sizes, turn, what in ((REPS, claims, "reps"), (WAITING, queues, "waiting"), (TIMERS, claims, "timers")):
        for words, more in (
            ("", {}),
            (", with match", {"audiences": 20}),
            (", with match, then all", {"audiences": 20, "widens": True}),
        ):
            yield Growth(words, replace(sizes[0], **more), replace(sizes[1], **more), turn, what)  # type: ignore[arg-type]  # fields of Size
    for (small, large), turn in ((AUDIENCES, claims), (QUEUED, queues)):
        yield Growth("", small, large, turn, "audiences")
        yield Growth(", then all", replace(small, widens=True), replace(large, widens=True), turn, "audiences")


def measure(client: redis.Redis, growth: Growth, samples: int = SAMPLES) -> list[Row]:
    """Make both ledgers, let them take the verbs by turns, and return the medians."""
    worlds = World(client, "bench-small", growth.small), World(client, "bench-large", growth.large)
    taken: list[dict[str, list[Cost]]] = [{}, {}]
    for sample in range(WARM_UP + samples):
        for world, costs in zip(worlds, taken, strict=True):
            for verb, cost in growth.turn(world).items():
                if sample >= WARM_UP:
                    costs.setdefault(verb, []).append(cost)
    for world in worlds:
        world.forget()
    small, large = growth.span()
    return [
        Row(
            verb + growth.what,
            small,
            large,
            (_micros(taken[0][verb]), _micros(taken[1][verb])),
            (_commands(taken[0][verb]), _commands(taken[1][verb])),
        )
        for verb in taken[0]
    ]


def _micros(costs: Sequence[Cost]) -> float:
    return median(cost.micros for cost in costs)


def _commands(costs: Sequence[Cost]) -> float:
    return median(cost.commands for cost in costs)


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as they stand in docs/performance.md."""
    lines = [HEAD, ("---", "---:", "---:", "---:", "---:", "---:"), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(rows: Sequence[Row]) -> None:
    """Print the rows, with how many commands the function ran."""
    table = Table(*HEAD, "commands")
    for row in rows:
        table.add_row(*row.cells(), " -> ".join(f"{count:,.0f}" for count in row.commands))
    Console(width=150).print(machine(), table)


def run(only: str = "", samples: int = SAMPLES) -> list[Row]:
    """Measure everything whose dimension is named *only*, or all, on a Valkey of its own."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="router-claim-", ignore_cleanup_errors=True) as folder:
        server = ValkeyServer(Path(folder))
        server.start()
        try:
            with redis.Redis.from_url(server.url) as client:
                client.config_set("appendonly", "no")  # it is written after the call, and no part of its time
                for growth in growths():
                    if only in ("", growth.dimension):
                        print(f"{growth.dimension}{growth.what}", file=sys.stderr, flush=True)
                        rows += measure(client, growth, samples)
        finally:
            server.stop()
    return rows


def main() -> int:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.claim", description=__doc__)
    parser.add_argument("--only", choices=("reps", "waiting", "timers", "audiences"), default="")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="of each verb in each ledger")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print the table of docs/performance.md")
    given = parser.parse_args()
    tell(run(given.only, given.samples), as_json=given.json, as_markdown=given.markdown)
    return 0


def tell(rows: Sequence[Row], *, as_json: bool, as_markdown: bool) -> None:
    """Print the rows in the form that is asked for."""
    if as_json:
        found = [{**asdict(row), "ratio": row.ratio} for row in rows]
        print(orjson.dumps({"machine": machine(), "claim": found}, option=orjson.OPT_INDENT_2).decode())
    elif as_markdown:
        print(markdown(rows))
    else:
        show(rows)


if __name__ == "__main__":
    sys.exit(main())
