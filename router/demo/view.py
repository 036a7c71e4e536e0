"""
The demo as a picture: one frame from a story and a moment.

Pure: the same story, moment and size give the same frame. Drawing it again and
again is left to the command.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from router.demo.rows import Clock, Decided, Handed, RepState
from router.demo.story import Story
from router.demo.wording import life

SMALLEST = (80, 24)
"""Columns and rows that a frame needs."""

WIDE = 110
ROOMY = 70
"""Columns from which a clock names the person too."""

EXPLAINED = 3
"""Lines that explain an assignment."""

LINGERS = timedelta(milliseconds=600)
"""How long a clock that has ended stays in sight."""

SPOTLIGHT = timedelta(milliseconds=1500)
"""How long one assignment is explained before the next; they come too fast to read them all."""

_TITLE = "#000000 on #5fd787"
_CHIPS = {
    "sql": "#000000 on #5fd787",
    "iql": "#000000 on #5fd7ff",
    "mql": "#000000 on #87afff",
    "lead": "#ffffff on #5f5f5f",
    "rejected": "#ffffff on #af5f5f",
}
_STATUS_STYLES = {"available": "green", "busy": "yellow", "away": "bright_black", "offline": "bright_black"}
_NEWS_STYLES = {
    "back": "yellow",
    "breached": "bold red",
    "presence": "blue",
    "unreadable": "bright_black",
}
_WARM, _HOT = 0.5, 0.8


def frame(story: Story, now: datetime, width: int, height: int, *, over: timedelta | None = None) -> RenderableType:
    """
    Draw the story as it stands at *now*, for a terminal of *width* by *height*.

    * **over** - how long forms go on coming, for the bar that shows how far it is.
    """
    columns, rows = max(width, SMALLEST[0]), max(height, SMALLEST[1])
    wide = columns >= WIDE
    decided = 6 + (rows - SMALLEST[1]) // 4 * 2
    below = rows - len(("title", "counts")) - (1 + decided) - (1 + EXPLAINED)
    reps = 48 if wide else 36
    whole = Layout()
    whole.split_column(
        Layout(_header(story, now, over), size=2),
        Layout(_decisions(story, decided, wide=wide), size=1 + decided),
        Layout(_handing(story, now), size=1 + EXPLAINED),
        Layout(name="below", size=below),
    )
    whole["below"].split_row(
        Layout(_clocks(story, now, below - 1, columns - reps - 2)),
        Layout(Text(" "), size=2),
        Layout(_people(story, now, below, wide=wide), size=reps),
    )
    return whole


def _section(title: str, style: str, body: RenderableType) -> RenderableType:
    return Group(Rule(Text(title, f"bold {style}"), align="left", style="grey37"), body)


def _table(*columns: int | str) -> Table:
    """Return a table whose columns are as wide as said, a text being a ratio of what is left."""
    table = Table.grid(padding=(0, 1), expand=True)
    for column in columns:
        width, ratio = (column, None) if isinstance(column, int) else (None, int(column))
        table.add_column(width=width, ratio=ratio, no_wrap=True, overflow="ellipsis")
    return table


def _header(story: Story, now: datetime, over: timedelta | None) -> RenderableType:
    elapsed = max(now - story.start, timedelta())
    title = Text.assemble((" speed-to-lead router ", _TITLE), "  minute ", (life(elapsed), "bold"))
    if over is not None:
        title.append("  ").append_text(_bar(min(elapsed / over, 1.0), 8, "green"))
    counts = story.counts
    asked = [
        (f" {counts['forms']} forms", "bold"),
        (f"{counts['to sales']} to sales", "green"),
        (f"{counts['to nurture']} nurture", "blue"),
        (f"{story.others()} other", "bright_black"),
    ]
    ended = [
        (f"{counts['met']} in time", "green"),
        (f"{counts['breached']} breached", "bold red" if counts["breached"] else "bright_black"),
        (f"{story.waiting()} waiting", "yellow" if story.waiting() else "bright_black"),
    ]
    return Group(
        _apart(title, Text("5 min = 5 s here  Ctrl-C ends it", "bright_black")),
        _apart(_joined(asked), _joined(ended)),
    )


def _apart(left: Text, right: Text) -> Table:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_row(left, right)
    return table


def _joined(parts: Iterable[tuple[str, str]]) -> Text:
    return Text("  ").join(Text(text, style) for text, style in parts)


def _decisions(story: Story, rows: int, *, wide: bool) -> RenderableType:
    """Draw the newest decisions, last at the bottom: a line each where there is room, else two."""
    table = _table(4, "4", "3", "7", 10) if wide else _table(4, "1", 10)
    for row in list(story.decided)[-(rows if wide else rows // 2) :]:
        chip, who, to = _chip(row.stage), _named(row.who, row.company), _destination(row, story)
        if row.to != "sales":
            who = Text(who.plain, "bright_black")
        reason, tags = Text(row.reason), _tags(row)
        if wide:
            table.add_row(chip, who, Text(row.asked, "bright_black"), reason.append_text(tags), to)
        else:
            table.add_row(chip, who.append_text(tags), to)
            table.add_row("", reason, "")
    return _section("decisions", "green", table)


def _chip(stage: str) -> Text:
    return Text("OUT " if stage == "rejected" else f"{stage.upper():<4}", _CHIPS[stage])


def _named(who: str, company: str) -> Text:
    return Text.assemble((who, "bold"), f", {company}" if company else "")


def _tags(row: Decided) -> Text:
    return Text("".join(f"  #{tag}" for tag in row.tags), "magenta")


def _destination(row: Decided, story: Story) -> Text:
    if row.to != "sales":
        return Text(row.to, "blue" if row.to == "nurture" else "bright_black")
    clocks = [clock for clock in story.clocks.values() if clock.lead_id == row.lead_id]
    holder = clocks[-1].rep_id if clocks else None
    return Text(f"→ {story.name(holder)}", "bold green") if holder else Text("→ waits", "yellow")


def _handing(story: Story, now: datetime) -> RenderableType:
    shown = spotlight(story, now)
    body = _table(9, "1")
    if shown is not None:
        rep = story.reps.get(shown.rep_id)
        again = f"  attempt {shown.attempt}" if shown.attempt > 1 else ""
        who = Text.assemble(_named(shown.who, shown.company), (again, "yellow"))
        name = rep.name if rep is not None else shown.rep_id
        body.add_row("", Text.assemble((name, "bold green"), " gets ", who))
        body.add_row(Text("because", "bright_black"), shown.why)
        body.add_row(Text("not", "bright_black"), _passed_over(shown, story))
    return _section("who got it, and why", "cyan", body)


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
    hidden = shown[rows - 1 :] if len(shown) > rows else []
    roomy = width >= ROOMY
    bar = width // 3 if roomy else width // 4
    table = _table("1", 6, bar, 6)
    for clock in shown[: len(shown) - len(hidden)]:
        who = _named(clock.who, clock.company) if roomy else Text(clock.company or clock.who)
        table.add_row(who, _holder(clock, story), *_ticking(clock, now, bar))
    return _section("clocks: time left to call", "yellow", Group(table, _hidden(hidden)) if hidden else table)


def _hidden(clocks: Sequence[Clock]) -> Text:
    waiting = sum(clock.rep_id is None for clock in clocks)
    text = Text(f"and {len(clocks)} more", "bright_black")
    return text.append(f", {waiting} of them waiting for a rep", "yellow") if waiting else text


def _lingers(clock: Clock, now: datetime) -> bool:
    return clock.called_at is not None and now - clock.called_at < LINGERS


def _holder(clock: Clock, story: Story) -> Text:
    if clock.rep_id is None and not clock.ended:
        return Text("waits", "yellow")
    name = story.name(clock.rep_id)
    return Text(name, "bold") if clock.accepted or clock.ended else Text(f"{name}?", "bright_black")


def _ticking(clock: Clock, now: datetime, width: int) -> tuple[Text, Text]:
    if clock.called_at is not None:
        style = "red" if clock.breached else "green"
        word = "called after" if width >= len("called after") else "called"
        return Text(word, style), _time(life(clock.called_at - clock.submitted_at), f"bold {style}")
    if clock.due_at is None:
        return Text(), _time("no SLA", "bright_black")
    used = (now - clock.submitted_at) / max(clock.due_at - clock.submitted_at, timedelta(milliseconds=1))
    if clock.due_at <= now:
        return Text(f"{'BREACHED':^{width}}", "bold white on red"), _time(f"+{life(now - clock.due_at)}", "bold red")
    style = "green" if used < _WARM else "yellow" if used < _HOT else "red"
    return _bar(1.0 - used, width, style), _time(life(clock.due_at - now), style)


def _time(text: str, style: str) -> Text:
    return Text(text, style, justify="right")


def _bar(share: float, width: int, style: str) -> Text:
    full = round(max(0.0, min(share, 1.0)) * width)
    return Text.assemble(("━" * full, style), ("━" * (width - full), "grey23"))


def _people(story: Story, now: datetime, rows: int, *, wide: bool) -> RenderableType:
    """Draw the reps and, where lines are left, the news."""
    reps = _reps(story, now, rows - 1, wide=wide)
    left = rows - 1 - len(story.reps) - 1
    return Group(reps, _news(story, left)) if left > 1 else reps


def _reps(story: Story, now: datetime, rows: int, *, wide: bool) -> RenderableType:
    table = _table("1", 9, 4, 8, 3)
    for rep in list(story.reps.values())[:rows]:
        status = rep.status_at(now)
        style = _STATUS_STYLES.get(status, "")
        name = rep.name if wide else story.name(rep.rep_id)
        calls = Text(f"{rep.called} call{'' if rep.called == 1 else 's'}", justify="right")
        given_up = sum(rep.lost.values())
        lost = Text(f"-{given_up}" if given_up else "", "yellow", justify="right")
        table.add_row(name, Text(status, style), _load(rep, style), calls, lost)
    return _section("reps: status, leads in hand", "blue", table)


def _load(rep: RepState, style: str) -> Text:
    held = min(len(rep.held), rep.capacity)
    return Text.assemble(("■" * held, style), ("□" * (rep.capacity - held), "bright_black"))


def _news(story: Story, rows: int) -> RenderableType:
    table = _table(5, "1")
    for news in list(story.news)[-rows:]:
        table.add_row(
            Text(life(news.at - story.start), "bright_black", justify="right"), Text(news.text, _NEWS_STYLES[news.kind])
        )
    return _section("news", "magenta", table)
