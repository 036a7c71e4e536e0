"""What was measured, as a table for people, Markdown for the docs, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.benchmarks.latency import Delays
from tests.benchmarks.machine import machine
from tests.benchmarks.throughput import Round

HEAD = ("leads/s", "worker", "floor", "worker / floor")
HEAD_CPU = ("CPU µs a lead", "worker", "floor")
HEAD_DELAYS = ("ms from form to assignment", "worker", "bare loop", "worker / bare loop")


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one run. `rounds` by `appendfsync`."""

    leads: int
    a_second: int
    rounds: dict[str, Sequence[Round]]
    worker: Delays | None
    bare: Delays | None

    def as_json(self) -> dict[str, object]:
        """Return it for programs, with the medians of the ratios."""
        ratios = {
            f"{sync} {what}": median(ratios)
            for sync, rounds in self.rounds.items()
            for what, _, _, ratios in _columns(rounds)
        }
        return {"machine": machine(), "ratios": ratios, **asdict(self)}

    def rows(self) -> Sequence[tuple[str, ...]]:
        """Return the rows about throughput, each number as median (least to most) over the rounds."""
        return [
            (f"{what}, appendfsync {sync}", _spread(rates, ",.0f"), _spread(floors, ",.0f"), _spread(ratios, ".2f"))
            for sync, rounds in self.rounds.items()
            for what, rates, floors, ratios in _columns(rounds)
        ]

    def cpu_rows(self) -> Sequence[tuple[str, ...]]:
        """Return the rows about CPU time, each process beside the same one while the floor runs."""
        found = []
        for sync, rounds in self.rounds.items():
            mine, bare = [one.worker_cpu for one in rounds], [one.floor_cpu for one in rounds]
            for name, other in zip(mine[0], bare[0], strict=True):
                what = "the process itself" if name != other else name
                cells = (_spread([one[each] for one in costs], ",.0f") for each, costs in ((name, mine), (other, bare)))
                found.append((f"{what}, appendfsync {sync}", *cells))
        return found

    def delay_rows(self) -> Sequence[tuple[str, ...]]:
        """Return the rows about latency."""
        if self.worker is None or self.bare is None:
            return []
        pairs = zip(asdict(self.worker).items(), asdict(self.bare).values(), strict=True)
        return [
            (f"{name} at {self.a_second}/s", f"{mine:.1f}", f"{bare:.1f}", f"{mine / bare:.2f}")
            for (name, mine), bare in pairs
        ]

    def _tables(self) -> Sequence[tuple[tuple[str, ...], Sequence[tuple[str, ...]]]]:
        return ((HEAD, self.rows()), (HEAD_CPU, self.cpu_rows()), (HEAD_DELAYS, self.delay_rows()))

    def show(self) -> None:
        """Print the tables."""
        console = Console()
        console.print(machine())
        for head, rows in self._tables():
            if not rows:
                continue
            table = Table(*head)
            for row in rows:
                table.add_row(*row)
            console.print(table)

    def markdown(self) -> str:
        """Return the tables as they stand in docs/performance.md."""
        parts = [f"Measured on {machine()}; {self.leads:,} leads a run."]
        for head, rows in self._tables():
            if rows:
                lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
                parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return "\n\n".join(parts)


def _columns(rounds: Sequence[Round]) -> Sequence[tuple[str, list[float], list[float], list[float]]]:
    """Return name, rates, floors and ratios of each kind of work that the rounds have."""
    found = []
    for what, rates in (("assigned", [(one.assigned, one.floor) for one in rounds]), ("queued", _queued(rounds))):
        if rates:
            found.append((what, [r for r, _ in rates], [f for _, f in rates], [r / f for r, f in rates]))
    return found


def _queued(rounds: Sequence[Round]) -> list[tuple[float, float]]:
    return [(one.queued, one.floor) for one in rounds if one.queued is not None]


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
