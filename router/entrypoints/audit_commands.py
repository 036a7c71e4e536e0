"""The commands `router audit` and `router watchdog`; what is heavy is imported inside the command that needs it."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import Annotated

import typer

BROKEN = 1
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def audit(
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="From when on: an age as in 1d or 6h, or a time; default all there is."),
    ] = None,
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="How long an outage, a late word or a wrong clock may have taken.")
    ] = "10s",
    strict: Annotated[  # noqa: FBT002 - a flag of the command line
        bool, typer.Option("--strict", help="Nothing may be on its way any more, and no clock open.")
    ] = False,
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Judge by what stands on the topics whether the promises were kept; exit 0, or 1 with every violation."""
    import uvloop  # noqa: PLC0415 - quick help

    from router.bootstrap import CLOCK  # noqa: PLC0415 - quick help
    from router.entrypoints.audit import view  # noqa: PLC0415 - quick help
    from router.entrypoints.audit.run import Asked  # noqa: PLC0415 - quick help
    from router.entrypoints.audit.run import audit as judge  # noqa: PLC0415 - quick help
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    asked = Asked(None if since is None else _moment(since, CLOCK.now()), _length(grace, "--grace"), strict)
    outcome = uvloop.run(judge(command_settings(), asked, _show_progress))
    if sys.stderr.isatty():
        typer.echo("\r\x1b[K", err=True, nl=False)
    if as_json:
        typer.echo(json.dumps(view.as_json(outcome), ensure_ascii=False))
    else:
        for line in view.lines(outcome):
            typer.echo(line)
    raise typer.Exit(0 if outcome.report.holds else BROKEN)


def watchdog() -> None:
    """Judge the promises as events come, look after the ledger, and tell managers; until stopped."""
    import uvloop  # noqa: PLC0415 - quick help

    from router.entrypoints.logs import set_up_logs  # noqa: PLC0415 - quick help
    from router.entrypoints.watchdog.run import run_watchdog  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    settings = load_settings()
    set_up_logs(settings.log_style)
    uvloop.run(run_watchdog(settings))


def _moment(text: str, now: datetime) -> datetime:
    from router.events.base import parse_instant  # noqa: PLC0415 - quick help

    try:
        return parse_instant(text)
    except ValueError:
        return now - _length(text, "--since")


def _length(text: str, option: str) -> timedelta:
    from router.policy.shapes import parse_duration  # noqa: PLC0415 - quick help

    try:
        return timedelta(milliseconds=parse_duration(text).millis)
    except ValueError as error:
        raise typer.BadParameter(str(error).partition("|")[0], param_hint=option) from None


def _show_progress(records: int, at: datetime) -> None:
    """Show on a terminal how far the reading is."""
    if sys.stderr.isatty():
        typer.echo(f"\r{records:,} records, up to {at:%Y-%m-%d %H:%M:%S}  ", err=True, nl=False)
