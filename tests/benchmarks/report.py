"""What was measured, as tables for people, Markdown for the docs, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.benchmarks.latency import BARE, Delays
from tests.benchmarks.machine import machine
from tests.benchmarks.throughput import FLOOR, QUEUED, TWO, WORKER, Round

Rows = Sequence[tuple[str, ...]]
SPENDERS = ("itself", "Kafka", "Valkey")


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one run. `rounds` by `appendfsync`; `absent` are peers that are not installed."""

    leads: int
    a_second: int
    rounds: Mapping[str, Sequence[Round]]
    delays: Mapping[str, Delays]
    absent: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """Return it for programs, with the medians of the ratios."""
        ratios = {
            f"{one} / {other}, {sync}": median(found)
            for sync, rounds in self.rounds.items()
            for one, other, found in _ratios(rounds)
        }
        return {"machine": machine(), "ratios": ratios, **asdict(self)}

    def show(self) -> None:
        """Print the tables."""
        console = Console()
        console.print(self._about())
        for head, *rows in self._tables():
            table = Table(*head)
            for row in rows:
                table.add_row(*row)
            console.print(table)

    def markdown(self) -> str:
        """Return the tables as they stand in docs/performance.md."""
        parts = [self._about()]
        for head, *rows in self._tables():
            lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
            parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        return "\n\n".join(parts)

    def _about(self) -> str:
        told = f"Measured on {machine()}; {self.leads:,} leads a run."
        return told + (f" Not installed, so not measured: {', '.join(self.absent)}." if self.absent else "")

    def _tables(self) -> Sequence[Rows]:
        """Return the tables that have rows, each with its head first."""
        tables = [*map(self._rates, self.rounds), self._compared(), self._delays()]
        return [table for table in tables if len(table) > 1]

    def _rates(self, sync: str) -> Rows:
        """Return how fast each was, and the CPU time that it and the servers spent, as median (least to most)."""
        rounds = self.rounds[sync]
        head = (f"appendfsync {sync}", "leads/s", *(f"CPU µs a lead, {spender}" for spender in SPENDERS))
        return [head] + [
            (
                who,
                _spread([one[who].rate for one in rounds]),
                *(_spread([one[who].cpu[spender] for one in rounds if one[who].cpu]) for spender in SPENDERS),
            )
            for who in _names(rounds)
        ]

    def _compared(self) -> Rows:
        """Return what one is to the other, in the same round."""
        return [("leads/s of one to the other", "ratio")] + [
            (f"{one} / {other}, appendfsync {sync}", _spread(found, ".2f"))
            for sync, rounds in self.rounds.items()
            for one, other, found in _ratios(rounds)
        ]

    def _delays(self) -> Rows:
        """Return the rows about latency."""
        rows: list[tuple[str, ...]] = [(f"ms from form to assignment at {self.a_second}/s", "p50", "p99", "longest")]
        for who, one in self.delays.items():
            rows.append((who, f"{one.p50:.1f}", f"{one.p99:.1f}", f"{one.longest:.1f}"))
        if WORKER in self.delays and BARE in self.delays:
            mine, bare = asdict(self.delays[WORKER]), asdict(self.delays[BARE])
            rows.append((f"{WORKER} / {BARE}", *(f"{mine[name] / bare[name]:.2f}" for name in mine)))
        return rows


def _names(rounds: Sequence[Round]) -> Sequence[str]:
    """Return who had a turn, the floor first."""
    return sorted(rounds[0], key=lambda who: who != FLOOR)


def _ratios(rounds: Sequence[Round]) -> Sequence[tuple[str, str, list[float]]]:
    """Return two names and their ratio in each round: the worker to all others, two workers to one."""
    found = []
    for who in _names(rounds):
        one, other = {WORKER: ("", ""), QUEUED: (QUEUED, FLOOR), TWO: (TWO, WORKER)}.get(who, (WORKER, who))
        if one:
            found.append((one, other, [turns[one].rate / turns[other].rate for turns in rounds]))
    return found


def _spread(values: Sequence[float], form: str = ",.0f") -> str:
    if not values:
        return "not known"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
