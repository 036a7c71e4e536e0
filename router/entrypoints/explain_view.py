"""
A lead's story as text for a terminal.

How it says things is in `explain_words`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import TextIOWrapper

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from router.domain.lead_story.shape import Attempt, ClockRun, ClockTurn, Decided, LeadStory, Present, Turn, Value, Wait
from router.entrypoints.explain_words import ENDED, TURNS, ago, shown, span, when

WIDTH = 100
STYLES: Mapping[str, str] = {
    "met": "green",
    "touched": "green",
    "accepted": "green",
    "resolved": "yellow",
    "waiting": "yellow",
    "breached": "red",
    "untold": "red",
}
Line = RenderableType


def show(story: LeadStory) -> None:
    """Print the story on standard output."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where there is no UTF-8, question marks are better than an error
    console = Console(highlight=False)
    console.print(printed(story), width=min(console.width, WIDTH))


def printed(story: LeadStory) -> RenderableType:
    """Lay the story out."""
    return Group(
        Text.assemble(("Lead ", "bold"), shown(story.lead_id)),
        *_indented(_present(story.now, story.as_of), 1),
        *_notes(story.notes),
        *_section("Decisions", (line for each in story.decisions for line in _decision(each))),
        *_section("Assignments", _assignments(story)),
        *_section("Clocks", (line for each in story.clocks for line in _clock(each))),
        *_section("Who was told", _told(story)),
        Text(f"\nTimes are UTC; as at {when(story.as_of)}.", "bright_black"),
    )


def _section(title: str, lines: Iterable[Line]) -> Iterator[Line]:
    kept = list(lines)
    if kept:
        yield Text(f"\n{title}", "bold green")
        yield from _indented(kept, 1)


def _indented(lines: Iterable[Line], by: int) -> Iterator[Line]:
    return (Padding(line, (0, 0, 0, 2 * by), expand=False) for line in lines)


def _notes(notes: Sequence[str]) -> Iterator[Line]:
    return _indented((Text(f"Note: {shown(note)}", "yellow") for note in notes), 1)


def _present(now: Present, as_of: datetime) -> Iterator[Line]:
    rep = shown(now.rep_id)
    since = f" since {when(now.since)} ({ago(now.since, as_of)})" if now.since else ""
    at = f" at {when(now.since)} ({ago(now.since, as_of)})" if now.since else ""
    told = {
        "waiting": f"waiting for a rep{since}",
        "held": f"held by {rep}{since}, not accepted",
        "accepted": f"held by {rep}{since}, accepted",
        "unassigned": f"taken from its rep{at}; the log does not have yet where it went",
        "touched": f"touched by {rep}{at}",
        "closed": f"closed as {now.reason}{at}",
        "not_open": "not with sales: it was never sent there",
        "unknown": "the log has nothing of it",
    }[now.state]
    yield Text.assemble(("Now ", "bold"), (told, STYLES.get(now.state, "")))
    if now.parked:
        yield Text("It has had all its attempts: it goes to a rep who turns available, or to whoever accepts it.")
    if now.accept_by is not None:
        yield Text(f"To be accepted by {when(now.accept_by)} ({ago(now.accept_by, as_of)}).")
    if now.touch_by is not None:
        due = f"First contact due by {when(now.touch_by)} ({ago(now.touch_by, as_of)})"
        yield Text(f"{due}: overdue." if now.overdue else f"{due}.", "red" if now.overdue else "")


def _decision(one: Decided) -> Iterator[Line]:
    decision = one.decision
    head = Text.assemble(
        f"{when(decision.decided_at)}  ",
        (f"{decision.stage if decision.stage in ('lead', 'rejected') else decision.stage.upper()} -> ", "bold"),
        (decision.to, "bold"),
    )
    if decision.test:
        head.append("  a test: neither ledger nor anybody heard of it", "yellow")
    elif one.opening is not None:
        head.append("  opens the lead" + (" again" if one.opening > 1 else ""))
    yield head
    facts = [
        f"submission {shown(decision.submission_id)}",
        f"route {shown(decision.route)}" if decision.route else "no route",
        f"priority {decision.priority}",
        f"SLA {shown(decision.sla)}" if decision.sla else "no SLA",
        f"tags {', '.join(map(shown, decision.tags))}" if decision.tags else "no tags",
        f"policy {shown(decision.policy_version)}",
    ]
    yield from _indented([Text("; ".join(facts), "bright_black")], 1)
    yield from _indented(_mind(one), 1)
    for reason in decision.reasons:
        mark = "+" if reason in one.new_reasons else "-"
        yield from _indented([Text(f"{mark} {shown(reason)}")], 1)


def _mind(one: Decided) -> Iterator[Line]:
    if one.compared_with is None:
        return
    if not one.changed:
        yield Text("Decided as the one before.")
        return
    changes = (f"{change.field} {_value(change.before)} -> {_value(change.after)}" for change in one.changed)
    yield Text.assemble(("Changed: ", "bold cyan"), "; ".join(changes))
    for cause in one.because:
        yield Text.assemble(("because: ", "cyan"), shown(cause.sentence))


def _value(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(shown, value)) or "none"
    return "none" if value is None else shown(value)


def _assignments(story: LeadStory) -> Iterator[Line]:
    """Show attempts and waits in the order in which they happened."""
    rows: list[tuple[int, Attempt | Wait]] = [
        *((each.sequence or (each.turns[0].sequence if each.turns else 0), each) for each in story.attempts),
        *((each.sequence, each) for each in story.waits),
    ]
    opening = 1
    for _, row in sorted(rows, key=lambda each: each[0]):
        if row.opening != opening:
            opening = row.opening
            yield Text(f"Opened again, under submission {shown(row.submission_id)}", "cyan")
        yield from _attempt(row) if isinstance(row, Attempt) else _wait(row)


def _wait(wait: Wait) -> Iterator[Line]:
    ended = ENDED[wait.ended_by].format(by=shown(wait.by)) if wait.ended_by else "and waits still"
    yield Text.assemble(
        f"{when(wait.since)}  ", ("waits", "yellow"), f" for a rep: nobody who may take it is free; {ended}"
    ).append(f" after {span(wait.seconds)}" if wait.ended_by else f", {span(wait.seconds)} now")


def _attempt(one: Attempt) -> Iterator[Line]:
    at = when(one.assigned_at) if one.assigned_at else "(not on the log)".ljust(19)
    head = Text.assemble(f"{at}  ", (f"attempt {one.attempt}: {shown(one.rep_id)}", "bold"))
    where = f"step {one.step}, pool {shown(one.pool)}" if one.step else "as the one who had it before"
    yield head.append(f"  by route {shown(one.route)}, {where}" if one.route else f"  {where}")
    yield from _indented(_candidates(one), 1)
    if one.accept_by is not None:
        yield from _indented([Text(f"to be accepted by {when(one.accept_by)}")], 1)
    yield from _indented((_turn(turn, one) for turn in one.turns), 1)
    if not one.over and not one.turns:
        yield from _indented([Text("no answer yet")], 1)


def _candidates(one: Attempt) -> Iterator[Line]:
    if not one.candidates:
        return
    able = [shown(each.rep_id) for each in one.candidates if each.eligible]
    more = one.considered - len(one.candidates)
    others = f", and {more} more not listed" if more > 0 else ""
    yield Text(f"could take it: {', '.join(able)} ({one.considered} looked at{others})")
    for each in one.candidates:
        if not each.eligible:
            yield Text(f"not {shown(each.rep_id)}: {shown(each.reason)}", "bright_black")


def _turn(turn: Turn, of: Attempt) -> Line:
    told = TURNS.get(turn.what, "closed as {what}").format(
        by=shown(turn.by), rep=shown(of.rep_id), what=shown(turn.what)
    )
    after = f" after {span(turn.after_seconds)}" if turn.after_seconds is not None else ""
    channel = f" ({turn.channel})" if turn.channel else ""
    return Text(f"{when(turn.at)}  {told}{channel}{after}", STYLES.get(turn.what, ""))


def _clock(run: ClockRun) -> Iterator[Line]:
    target = f"{shown(run.target)}, {span(run.target_seconds)}" if run.target and run.target_seconds else run.target
    due = f", due {when(run.due_at)}" if run.due_at else ""
    state = "its end is not on the log" if run.state == "untold" else run.state
    yield Text.assemble(
        (f"{shown(target or 'clock')}{due}: ", "bold"),
        (state, STYLES.get(run.state, "")),
        (f"  submission {shown(run.submission_id)}", "bright_black"),
    )
    for turn in run.turns:
        yield from _indented(_clock_turn(turn), 1)


def _clock_turn(turn: ClockTurn) -> Iterator[Line]:
    what: str = turn.what
    if turn.threshold is not None:
        what += f" at {turn.threshold:.0%}"
    if turn.in_time:
        what += ", though the contact was in time: its news came late"
    whose = f", attempt {turn.attempt} with {shown(turn.rep_id)}" if turn.rep_id else ", with nobody"
    yield Text(f"{when(turn.at)}  {what} after {span(turn.elapsed_seconds)}{whose}", STYLES.get(turn.what, ""))
    if turn.what == "warned":
        return
    parts = turn.breakdown.model_dump()
    summed = " + ".join(f"{name} {seconds:.3f}" for name, seconds in parts.items())
    total = f"= {turn.elapsed_seconds:.3f} s" if turn.adds_up else f"does not add up to {turn.elapsed_seconds:.3f} s"
    working = f"; {span(turn.open_seconds)} of it open" if turn.open_seconds is not None else ""
    yield Padding(Text(f"{summed} {total}{working}", "bright_black"), (0, 0, 0, 2), expand=False)


def _told(story: LeadStory) -> Iterator[Line]:
    for each in story.notifications:
        attempt = f" (attempt {each.attempt})" if each.attempt else ""
        yield Text(f"{when(each.at)}  {each.kind} -> {each.recipient_type} {shown(each.recipient_id)}{attempt}")
