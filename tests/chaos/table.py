"""The table of the runs: for people, and as docs/chaos.md has it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import machine
from tests.chaos.fault import Fault
from tests.chaos.judged import LOST, OVER_CAPACITY, REQUIRED, TWO_OWNERS, Judged

HEAD = (
    "fault",
    "seed",
    "events",
    "lost",
    "double owners",
    "overshoots",
    "other",
    "away s",
    "longest delay s",
    "recovery s",
    "again",
    "",
)


def cells(row: Judged) -> tuple[str, ...]:
    """Return a run as it stands in the table."""
    other = ", ".join(f"{count} of {promise}" for promise, count in row.found.items() if promise not in REQUIRED)
    return (
        row.fault,
        str(row.seed),
        f"{row.events:,}",
        *(str(row.found.get(promise, 0)) for promise in (LOST, TWO_OWNERS, OVER_CAPACITY)),
        other or "0",
        "" if row.outage is None else f"{row.outage:.1f}",
        f"{row.longest:.2f}",
        "" if row.recovery is None else f"{row.recovery:.2f}",
        str(row.again),
        "" if row.holds else "FAILS",
    )


def show(rows: Sequence[Judged]) -> None:
    """Print the table, and below it why a run failed."""
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*cells(row))
    console = Console(width=160, soft_wrap=True)
    console.print(f"{machine()}")
    console.print(table)
    for row in rows:
        if not row.holds:
            console.print(f"{row.fault}, seed {row.seed}:\n{row.why}", markup=False, highlight=False)


def markdown(rows: Sequence[Judged], conditions: str) -> str:
    """Return the table for docs/chaos.md, with the machine and the conditions it was made under."""
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *map(cells, rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    failed = [f"- {row.fault}, seed {row.seed}: {'; '.join(row.why.splitlines()[:3])}" for row in rows if not row.holds]
    parts = [f"{machine()}. {conditions}", table]
    return "\n\n".join([*parts, "\n".join(failed)] if failed else parts)


def described(faults: Sequence[Fault]) -> str:
    """Return what each row does, as docs/chaos.md lists it."""
    lines = [("row", "what is done", "longest delay allowed"), ("---", "---", "---:")]
    lines += [(fault.name, fault.what, f"{fault.longest:.0f} s") for fault in faults]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def worst(rows: Sequence[Judged]) -> Sequence[Judged]:
    """Return for each fault its run with the longest delay; runs that failed go before all."""
    by_fault = groupby(sorted(rows, key=lambda row: row.fault), key=lambda row: row.fault)
    return [max(runs, key=lambda row: (not row.holds, row.longest)) for _, runs in by_fault]
