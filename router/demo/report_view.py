"""The demo's report as text for people, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from router.demo.report import DESTINATIONS, PROMISES, DemoReport
from router.demo.wording import SCALE, code, life, lost, plain_span
from router.domain.audit import Spread

WIDTH = 80
SCALED = (
    f"1 second here stands for {SCALE} of real life: the five minutes took {300 / SCALE:.0f} s. What reps need is "
    "scaled (min); what the router needs is not: it is as fast as this machine."
)

_MEANINGS: Mapping[str, str] = {
    "sql": "ready for sales at once",
    "iql": "fit and a stated intent",
    "mql": "for marketing to follow up",
    "lead": "a person, no more is known",
    "rejected": "not worth anybody's time",
}
_STYLES: Mapping[str, str] = {
    "sql": "bold green",
    "iql": "bold cyan",
    "mql": "bold blue",
    "lead": "bold",
    "rejected": "bold red",
}


def printed(told: DemoReport, policy_directory: Path, command: str = "router") -> RenderableType:
    """Lay the report out; *command* is how the user starts the router."""
    return Group(
        _title("What came in, and where it went"),
        _stages(told),
        _left_out(told),
        _title("How fast"),
        _speed(told),
        _clocks(told),
        _title("The reps, and why leads passed them by"),
        _reps(told),
        _title("Was every promise kept?"),
        *_audit(told),
        _title("Next"),
        _next(policy_directory, command),
    )


def _title(text: str) -> RenderableType:
    return Text(f"\n{text}", "bold green")


def _grid(headings: Sequence[str], *, first: int) -> Table:
    """Return a table whose *first* columns are words and the others numbers."""
    table = Table(box=None, padding=(0, 1), pad_edge=True, header_style="bright_black")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < first else "right", no_wrap=True)
    return table


def _number(value: int) -> Text:
    return Text(f"{value:,}") if value else Text("·", "bright_black")


def _stages(told: DemoReport) -> RenderableType:
    table = _grid(("", "", *DESTINATIONS, "all"), first=2)
    for stage, to in told.stages.items():
        name = Text(stage.upper() if stage.endswith("ql") else stage, _STYLES[stage])
        meaning = Text(_MEANINGS[stage], "bright_black")
        table.add_row(name, meaning, *(_number(to.get(each, 0)) for each in DESTINATIONS), _number(sum(to.values())))
    by_to = told.audit.counts.by_to
    totals = (Text(str(by_to.get(each, 0)), "bold") for each in DESTINATIONS)
    table.add_row("all", "", *totals, Text(str(sum(by_to.values())), "bold"))
    return table


def _left_out(told: DemoReport) -> RenderableType:
    counts = told.audit.counts
    records = counts.records.get("form-submissions", 0)
    repeats = records - counts.submissions
    unread = sum(counts.dead_letters.values())
    text = (
        f"{records} forms: {repeats} repeats that count once, {counts.tests} test, {unread} unreadable (dead letters)."
    )
    return Padding(Text(text, "bright_black"), (0, 1))


def _speed(told: DemoReport) -> RenderableType:
    table = _grid(("", "leads", "p50", "p99"), first=1)
    rows: Iterable[tuple[str, Spread | None, Callable[[timedelta], Text]]] = (
        ("form to rep, where one was free", told.to_free_rep, _as_measured),
        ("form to rep, after waiting for one", told.to_waited_rep, _as_in_life),
        ("form to rep, all", told.to_rep, _as_measured),
        ("form to first contact", told.to_touch, _as_in_life),
    )
    for name, spread, written in rows:
        if spread is not None:
            table.add_row(name, str(spread.count), written(spread.p50), written(spread.p99))
    return table


def _as_measured(span: timedelta) -> Text:
    return Text(plain_span(span))


def _as_in_life(span: timedelta) -> Text:
    return Text.assemble((f"{life(span)} min = ", "bright_black"), plain_span(span))


def _clocks(told: DemoReport) -> RenderableType:
    clocks = told.audit.counts.clocks
    met, breached = clocks.get("met", 0), clocks.get("breached", 0)
    lines = [
        Text.assemble(
            "Clocks: ",
            (f"{met} met", "bold green"),
            ", ",
            (f"{breached} breached", "bold red" if breached else "bold"),
            f" ({clocks.get('resolved', 0)} of them called late).",
        )
    ]
    if told.first_assigned is not None:
        first, took = told.first_assigned.total_seconds(), told.took.total_seconds()
        lines.append(Text(f"First lead assigned {first:.2f} s after the command began; all over after {took:.1f} s."))
    lines.append(Text(SCALED, "bright_black"))
    return Padding(Group(*lines), (0, 1))


def _reps(told: DemoReport) -> RenderableType:
    codes = list(dict.fromkeys(each for rep in told.reps.values() for each in sorted(rep.passed_over)))
    table = _grid(("", "got", "called", *(code(each).partition(" ")[0] for each in codes)), first=1)
    for rep in told.reps.values():
        passed_over = (_number(rep.passed_over.get(each, 0)) for each in codes)
        table.add_row(rep.name, _number(rep.assigned), _number(rep.called), *passed_over)
    handed_on = "; ".join(
        f"{count}x {rep.name} {lost(reason)}"
        for rep in told.reps.values()
        for reason, count in sorted(rep.lost.items())
    )
    notes = f"later: in a later step; tried: had this lead before. Handed on: {handed_on or 'none'}."
    return Group(table, Padding(Text(notes, "bright_black"), (0, 1)))


def _audit(told: DemoReport) -> Iterable[RenderableType]:
    where = f"over {told.events:,} events on {told.topics} topics"
    if told.audit.holds:
        yield Text.assemble(" ", ("Yes: ", "bold green"), f"promises {_listed(PROMISES)} hold {where}.")
    else:
        broken = ", ".join(f"{promise} ({count} times)" for promise, count in told.audit.found.items())
        yield Text.assemble(" ", ("No: ", "bold red"), f"broken {where}: promise {broken}.")
        for violation in told.audit.violations[:10]:
            yield Text(f"   {violation}")
    meaning = "nothing lost, one owner, capacity, only the available, every clock ends, repeats harmless"
    yield Padding(Text(f"({meaning})", "bright_black"), (0, 1))


def _listed(promises: Sequence[int]) -> str:
    """
    Write numbers in order, neighbours as a range.

    >>> _listed((1, 2, 3, 4, 5, 7))
    '1-5 and 7'
    """
    runs: list[list[int]] = []
    for promise in promises:
        if runs and promise == runs[-1][-1] + 1:
            runs[-1].append(promise)
        else:
            runs.append([promise])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _next(policy_directory: Path, command: str) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row(f" {command} up", "run the router on this machine; what it keeps is in .router")
    table.add_row(f" {command} check", "check the configuration in config/ and run its cases")
    table.add_row(" config/", "forms, fit, stages, reps, routes, clocks: make them yours")
    table.add_row(" this example", short(policy_directory))
    return table


def short(path: Path) -> str:
    """Write a path as seen from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
