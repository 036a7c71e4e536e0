"""Dead letters as a table for a terminal, and as plain lines where they go into a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from router.entrypoints.dead_letters import Kept
from router.entrypoints.explain_words import shown, when

PLAIN = 4096
"""Columns of a line that no terminal shows: nothing is cut off."""


def show(found: Sequence[Kept], *, value: bool) -> None:
    """Print them on standard output; with *value*, what each record held below it."""
    if not found:
        sys.stderr.write("no dead letters of this kind\n")
        return
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else PLAIN)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, folds in (
        ("when (UTC)", False),
        ("place", False),
        ("code", False),
        ("detail", True),
        ("sent again", False),
    ):
        table.add_column(name, no_wrap=not folds)
    for one in found:
        event = one.letter.event
        again = "" if one.replayed_at is None else when(one.replayed_at)
        table.add_row(when(event.rejected_at), shown(one.letter.place), event.code, shown(event.detail), again)
    console.print(table)
    if value:
        for one in found:
            held = one.letter.value
            text = "(not kept)" if held is None else shown(held.decode("utf-8", "replace"))
            console.print(f"{shown(one.letter.place)}: {text}", soft_wrap=True)
