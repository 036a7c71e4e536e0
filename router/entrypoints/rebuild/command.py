"""The command `router rebuild`; as in `router.cli`, what is heavy is imported inside."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from router.pipeline.read_back import Counts

SAYS_EVERY = 1.0  # seconds


def rebuild(
    force: Annotated[bool, typer.Option("--force", help="Also where the ledger is in step with the log.")] = False,  # noqa: FBT002 - a flag of the command line
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Make a ledger that Redis has lost again, from the log alone; workers may run or not."""
    import uvloop  # noqa: PLC0415 - quick help

    from router.entrypoints.logs import set_up_logs  # noqa: PLC0415 - quick help
    from router.entrypoints.rebuild.by_hand import lines, rebuild_by_hand  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    settings = load_settings()
    set_up_logs(settings.log_style)
    done = uvloop.run(rebuild_by_hand(settings, force=force, say=lambda line: typer.echo(line, err=True), tell=Said()))
    if as_json:
        typer.echo(json.dumps(done.as_json()))
        return
    for line in lines(done):
        typer.echo(line)


class Said:
    """Says on a terminal how far it is, about once a second; elsewhere only what begins."""

    def __init__(self) -> None:
        self._step = ""
        self._at = self._events = 0.0

    def __call__(self, step: str, counts: Counts) -> None:
        """Hear that *step* has come as far as *counts*."""
        now = time.monotonic()
        begins, self._step = step != self._step, step
        if begins or (sys.stderr.isatty() and now - self._at >= SAYS_EVERY):
            typer.echo(self._line(step, counts, now), err=True)
            self._at, self._events = now, counts.events

    def _line(self, step: str, counts: Counts, now: float) -> str:
        if step == "workers":
            return "waiting for the workers to publish what they hold"
        if step == "restore":
            return f"{counts.events} events read; putting the ledger into Redis"
        speed = (counts.events - self._events) / (now - self._at) if self._events else 0
        return f"{counts.events} events read" + (f", {speed:,.0f}/s" if speed else "")
