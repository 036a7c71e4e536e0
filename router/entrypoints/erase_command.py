"""The command `router erase`; as in `router.cli`, what is heavy is imported inside the command."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def erase(
    email: Annotated[
        str | None,
        typer.Argument(metavar="[EMAIL]", help="The person's address; - reads it from standard input."),
    ] = None,
    phone: Annotated[str | None, typer.Option(help="The person's number: of whoever gave no address.")] = None,
    country: Annotated[str | None, typer.Option(help="How a national number is read, as in NO.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,  # noqa: FBT002 - a flag of the command line
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - the same
    as_json: Json = False,  # noqa: FBT002 - the same
) -> None:
    """Forget a person: close their lead, remove what ledger, queue and log hold, tell what cannot forget."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help
    from router.entrypoints.erase import erase as forget  # noqa: PLC0415 - quick help

    given = sys.stdin.readline().strip() if email == "-" else email
    asks = not (dry_run or yes) and email != "-" and sys.stdin.isatty()
    if asks and not typer.confirm("forget this person? It cannot be undone", err=True):
        raise typer.Exit(1)
    done = asyncio.run(forget(command_settings(), given, phone, country, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps(done.as_json(), ensure_ascii=False))
        return
    for line in done.lines():
        typer.echo(line)
