"""
The demo as a picture: one frame from a story and a moment.

Pure: the same story, moment and size give the same frame. Drawing it again and
again is left to the command.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich import box
from rich.console import RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from router.demo.story import Clock, Decided, Handed, RepState, Story
from router.demo.wording import life

SMALLEST = (80, 24)
"""Columns and rows that a frame needs."""

WIDE = 110
LINGERS = timedelta(milliseconds=900)
"""How long a clock that has ended stays in sight."""

SPOTLIGHT = timedelta(milliseconds=1500)
"""How long one assignment is explained before the next; they come too fast to read them all."""

STAGE_STYLES = {
    "sql": "bold black on bright_green",
    "iql": "bold black on bright_cyan",
    "mql": "black on blue",
    "lead": "white on bright_black",
    "rejected": "white on red",
}
_STATUS_STYLES = {"available": "bright_green", "busy": "yellow", "away": "bright_black", "offline": "bright_black"}
_WARM, _HOT = 0.5, 0.8


def frame(story: Story, now: datetime, width: int, height: int, *, over: timedelta | None = None) -> RenderableType:
    """
    Draw the story as it stands at *now*, for a terminal of *width* by *height*.

    * **over** - how long forms go on coming, for the bar that shows how far it is.
    """
    columns, rows = max(width, SMALLEST[0]), max(height, SMALLEST[1])
    spare = rows - SMALLEST[1]
    decided, handed = 5 + spare * 2 // 5, 3
    whole = Layout()
    whole.split_column(
        Layout(_header(story, now, over), size=2),
        Layout(_decisions(story, decided, columns), size=decided + 2),
        Layout(_handing(story, now), size=handed + 2),
        Layout(name="below"),
    )
    below = rows - 2 - (decided + 2) - (handed + 2) - 2
    reps_width = 46 if columns >= WIDE else 35
    whole["below"].split_row(
        Layout(_clocks(story, now, below, columns - reps_width)),
        Layout(_reps(story, now, below, wide=columns >= WIDE), size=reps_width),
    )
    return whole


def _header(story: Story, now: datetime, over: timedelta | None) -> RenderableType:
    elapsed = max(now - story.start, timedelta())
    top = Table.grid(expand=True)
    top.add_column()
    top.add_column(justify="right")
    title = Text.assemble((" speed-to-lead router ", "bold black on bright_green"), "  minute ", (life(elapsed), "bold"))
    if over is not None:
        title.append("  ").append_text(_bar(min(elapsed / over, 1.0), 16, "bright_green"))
    top.add_row(title, Text("5 min = 5 s here   Ctrl-C ends it ", "bright_black"))
    counts = story.counts
    parts = [
        (f"{counts['forms']} forms", "bold"),
        (f"{counts['to sales']} to sales", "bright_green"),
        (f"{counts['to nurture']} nurture", "blue"),
        (f"{counts['to none'] + counts['test'] + counts['unreadable']} neither", "bright_black"),
        (f"{counts['to attached']} joined", "bright_black"),
    ]
    ended = [
        (f"{counts['met']} called in time", "bright_green"),
        (f"{counts['breached']} breached", "bold bright_red" if counts["breached"] else "bright_black"),
        (f"{story.waiting()} waiting ", "yellow" if story.waiting() else "bright_black"),
    ]
    top.add_row(Text(" ").append_text(_joined(parts)), _joined(ended))
    return top


def _joined(parts: Iterable[tuple[str, str]]) -> Text:
    return Text("  ").join(Text(text, style) for text, style in parts)


def _decisions(story: Story, rows: int, width: int) -> RenderableType:
    wide = width >= WIDE
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=4, no_wrap=True)
    table.add_column(ratio=4, no_wrap=True, overflow="ellipsis")
    if wide:
        table.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=5, no_wrap=True, overflow="ellipsis")
    table.add_column(width=10, no_wrap=True, overflow="ellipsis")
    for row in list(story.decided)[-rows:]:
        cells = [_chip(row.stage), _named(row.who, row.company)]
        if wide:
            cells.append(Text(row.asked, "bright_black"))
        table.add_row(*cells, _reason(row), _destination(row, story))
    return _panel(table, "decisions, newest last", "bright_green")


def _chip(stage: str) -> Text:
    return Text(f"{stage.upper()[:4]:<4}", STAGE_STYLES[stage])


def _named(who: str, company: str) -> Text:
    return Text.assemble((who, "bold"), f", {company}" if company else "")


def _reason(row: Decided) -> Text:
    text = Text(row.reason)
    for tag in row.tags:
        text.append(f"  #{tag}", "magenta")
    return text


def _destination(row: Decided, story: Story) -> Text:
    if row.to != "sales":
        return Text(row.to, "blue" if row.to == "nurture" else "bright_black")
    clocks = [clock for clock in story.clocks.values() if clock.lead_id == row.lead_id]
    holder = clocks[-1].rep_id if clocks else None
    return Text(f"→ {story.name(holder)}", "bold bright_green") if holder else Text("→ waits", "yellow")


def _handing(story: Story, now: datetime) -> RenderableType:
    shown = spotlight(story, now)
    body = Table.grid(padding=(0, 1))
    body.add_column(no_wrap=True, overflow="ellipsis")
    if shown is not None:
        again = f"  (attempt {shown.attempt})" if shown.attempt > 1 else ""
        rep = story.reps.get(shown.rep_id)
        body.add_row(
            Text.assemble(
                (rep.name if rep is not None else shown.rep_id, "bold bright_green"),
                " gets ",
                _named(shown.who, shown.company),
                (again, "yellow"),
            )
        )
        body.add_row(Text.assemble(("because  ", "bright_black"), shown.why))
        body.add_row(Text.assemble(("not      ", "bright_black"), _passed_over(shown, story)))
    return _panel(body, "who got it, and why", "bright_cyan")


def spotlight(story: Story, now: datetime) -> Handed | None:
    """Return the assignment to explain: of those of the last spell the one that passed most reps over."""
    spell = (now - story.start) // SPOTLIGHT
    until = story.start + spell * SPOTLIGHT
    last = [handed for handed in story.handed if until - SPOTLIGHT <= handed.at < until]
    if not last:
        last = [handed for handed in story.handed if handed.at < until][-1:] or list(story.handed)[:1]
    return max(last, key=lambda handed: (len(handed.passed_over), handed.attempt), default=None)


def _passed_over(shown: Handed, story: Story) -> Text:
    if not shown.passed_over:
        return Text("nobody was passed over", "bright_black")
    told = [Text.assemble(story.name(rep_id), (f" {word}", "yellow")) for rep_id, word in shown.passed_over]
    return Text(" · ", "bright_black").join(told)


def _clocks(story: Story, now: datetime, rows: int, width: int) -> RenderableType:
    shown = [clock for clock in story.clocks.values() if not clock.ended or _lingers(clock, now)]
    shown.sort(key=lambda clock: (clock.due_at or clock.submitted_at, clock.submitted_at))
    hidden = len(shown) - rows
    if hidden > 0:
        shown = shown[: rows - 1]
    bar = max(8, (width - 4) // 4)
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=6, no_wrap=True, overflow="ellipsis")
    table.add_column(width=bar, no_wrap=True)
    table.add_column(width=5, justify="right", no_wrap=True)
    for clock in shown:
        table.add_row(Text(clock.company or clock.who), _holder(clock, story), *_ticking(clock, now, bar))
    if hidden > 0:
        table.add_row(Text(f"and {hidden + 1} more", "bright_black"), "", "", "")
    return _panel(table, "clocks: time left to call", "yellow")


def _lingers(clock: Clock, now: datetime) -> bool:
    return clock.called_at is not None and now - clock.called_at < LINGERS


def _holder(clock: Clock, story: Story) -> Text:
    if clock.rep_id is None and not clock.ended:
        return Text("waits", "yellow")
    name = story.name(clock.rep_id)
    return Text(name, "bold") if clock.accepted or clock.ended else Text(f"{name}?", "bright_black")


def _ticking(clock: Clock, now: datetime, width: int) -> tuple[Text, Text]:
    if clock.called_at is not None:
        style = "bright_red" if clock.breached else "bright_green"
        return Text("called after"[:width], style), Text(life(clock.called_at - clock.submitted_at), f"bold {style}")
    if clock.due_at is None:
        return Text(""), Text("no SLA", "bright_black")
    used = (now - clock.submitted_at) / max(clock.due_at - clock.submitted_at, timedelta(milliseconds=1))
    if clock.due_at <= now:
        return Text("BREACHED"[:width], "bold white on red"), Text(f"+{life(now - clock.due_at)}", "bold bright_red")
    style = "bright_green" if used < _WARM else "yellow" if used < _HOT else "bright_red"
    return _bar(1.0 - used, width, style), Text(life(clock.due_at - now), style)


def _bar(share: float, width: int, style: str) -> Text:
    full = round(max(0.0, min(share, 1.0)) * width)
    return Text.assemble(("━" * full, style), ("━" * (width - full), "grey23"))


def _reps(story: Story, now: datetime, rows: int, *, wide: bool) -> RenderableType:
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(width=9, no_wrap=True)
    table.add_column(width=4, no_wrap=True)
    table.add_column(width=9, justify="right", no_wrap=True)
    for rep in list(story.reps.values())[:rows]:
        status = rep.status_at(now)
        name = rep.name if wide else story.name(rep.rep_id)
        style = _STATUS_STYLES.get(status, "")
        table.add_row(Text(name), Text(status, style), _load(rep, style), _done(rep))
    return _panel(table, "reps", "bright_blue")


def _load(rep: RepState, style: str) -> Text:
    held = min(len(rep.held), rep.capacity)
    return Text.assemble(("■" * held, style or "default"), ("□" * (rep.capacity - held), "bright_black"))


def _done(rep: RepState) -> Text:
    text = Text(f"{rep.called} calls" if rep.called != 1 else "1 call")
    if rep.lost:
        text.append(f" -{sum(rep.lost.values())}", "yellow")
    return text


def _panel(body: RenderableType, title: str, style: str) -> Panel:
    return Panel(body, title=Text(f" {title} ", f"bold {style}"), title_align="left", box=box.ROUNDED, border_style="grey37")

