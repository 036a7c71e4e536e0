"""The demo's report as text for people, at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from router.demo.report import DESTINATIONS, PROMISES, DemoReport
from router.demo.view import STAGE_STYLES
from router.demo.wording import SCALE, code, life, lost, plain_span
from router.domain.audit import Spread

WIDTH = 80

_MEANINGS: Mapping[str, str] = {
    "sql": "a decider asks for a person",
    "iql": "fits, and asked: fit and intent",
    "mql": "fits, and reads; or may fit",
    "lead": "nothing of this",
    "rejected": "throw-away, or a competitor",
}


def printed(told: DemoReport, policy_directory: Path) -> RenderableType:
    """Lay the report out."""
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
        _next(policy_directory),
    )


def _title(text: str) -> RenderableType:
    return Text(f"\n{text}", "bold bright_green")


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
        name = Text(stage.upper() if stage.endswith("ql") else stage, STAGE_STYLES[stage])
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
        f"{records} forms came in: {repeats} were delivered twice and count once, {counts.tests} was a test, "
        f"{unread} could not be read and became dead letters."
    )
    return Padding(Text(text, "bright_black"), (0, 1))


def _speed(told: DemoReport) -> RenderableType:
    table = _grid(("", "leads", "p50", "p99", "longest"), first=1)
    rows: Iterable[tuple[str, Spread | None, bool]] = (
        ("form to rep, where one was free", told.to_free_rep, False),
        ("form to rep, after waiting for one", told.to_waited_rep, True),
        ("form to rep, all", told.to_rep, False),
        ("form to first contact", told.to_touch, True),
    )
    for name, spread, scaled in rows:
        if spread is not None:
            times = (spread.p50, spread.p99, spread.longest)
            table.add_row(name, str(spread.count), *(_time(each, scaled=scaled) for each in times))
    return table


def _time(span: timedelta, *, scaled: bool) -> Text:
    text = Text(plain_span(span))
    return text.append(f" = {life(span)} min", "bright_black") if scaled else text


def _clocks(told: DemoReport) -> RenderableType:
    clocks = told.audit.counts.clocks
    met, breached = clocks.get("met", 0), clocks.get("breached", 0)
    lines = [
        Text.assemble(
            "Clocks: ",
            (f"{met} met", "bold bright_green"),
            ", ",
            (f"{breached} breached", "bold bright_red" if breached else "bold"),
            f" ({clocks.get('resolved', 0)} of them called late).",
        )
    ]
    if told.first_assigned is not None:
        lines.append(
            Text(
                f"First lead assigned {told.first_assigned.total_seconds():.2f} s after the command was started; "
                f"all over after {told.took.total_seconds():.1f} s."
            )
        )
    lines.append(
        Text(
            f"1 second here stands for {SCALE} of real life: the five minutes took 5 s. What reps need is scaled "
            "(= min); what the router needs is not: it is as fast as this machine.",
            "bright_black",
        )
    )
    return Padding(Group(*lines), (0, 1))


def _reps(told: DemoReport) -> RenderableType:
    codes = list(dict.fromkeys(each for rep in told.reps.values() for each in sorted(rep.passed_over)))
    table = _grid(("", "got", "called", *map(code, codes), "gave up"), first=1)
    for rep in told.reps.values():
        given_up = ", ".join(f"{count} {lost(reason)}" for reason, count in sorted(rep.lost.items()))
        table.add_row(
            rep.name,
            _number(rep.assigned),
            _number(rep.called),
            *(_number(rep.passed_over.get(each, 0)) for each in codes),
            Text(given_up, "yellow"),
        )
    return table


def _audit(told: DemoReport) -> Iterable[RenderableType]:
    where = f"over {told.events:,} events on {told.topics} topics"
    if told.audit.holds:
        yield Text.assemble(" ", ("Yes: ", "bold bright_green"), f"promises {_listed(PROMISES)} hold {where}.")
    else:
        broken = ", ".join(f"{promise} ({count} times)" for promise, count in told.audit.found.items())
        yield Text.assemble(" ", ("No: ", "bold bright_red"), f"broken {where}: promise {broken}.")
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


def _next(policy_directory: Path) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row(" router up", "run the router on this machine; what it keeps is in .router")
    table.add_row(" router check", "check the configuration in config/ and run its cases")
    table.add_row(" config/", "forms, fit, stages, reps, routes, clocks: make them yours")
    table.add_row(" this example", _short(policy_directory))
    return table


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
