"""The commands `router dead-letters …`; as in `router.cli`, what is heavy is imported inside the command."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.entrypoints.dead_letters import Kept, Replay

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Places = Annotated[
    list[str] | None, typer.Argument(metavar="[PLACE]...", help="As the list shows it: TOPIC/PARTITION/OFFSET.")
]
Code = Annotated[str | None, typer.Option(help="Only those of this code, such as unknown_rep.")]
Topic = Annotated[str | None, typer.Option(help="Only those that came from this topic.")]
Since = Annotated[str | None, typer.Option(metavar="AGO|TIME", help="Only those rejected since, as in 2h or a time.")]

LISTED = 100

dead_letters_app = typer.Typer(help="What could not be processed: list it, send it again.", no_args_is_help=True)


@dead_letters_app.command(
    name="list",
    epilog="Examples:  router dead-letters list --since 1d    router dead-letters list --code unknown_rep --json",
)
def list_letters(
    places: Places = None,
    code: Code = None,
    topic: Topic = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = LISTED,
    value: Annotated[bool, typer.Option("--value", help="Show what the records held: personal data.")] = False,  # noqa: FBT002 - a flag of the command line
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """List dead letters, the newest last: when, where the record stands, why; without personal data."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.bootstrap import CLOCK  # noqa: PLC0415 - quick help
    from router.entrypoints import dead_letters  # noqa: PLC0415 - quick help
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    which = dead_letters.wanted(places or (), code, topic, since, CLOCK.now())
    found = asyncio.run(dead_letters.letters(command_settings(), which, limit + 1))
    shown, more = found[-limit:], len(found) > limit
    if as_json:
        typer.echo(json.dumps([one.as_json(value=value) for one in shown], ensure_ascii=False))
    else:
        _print_letters(shown, value=value)
    if more:
        typer.echo(f"note: there are more than these {limit}, older ones: --limit", err=True)


def _print_letters(found: Sequence[Kept], *, value: bool) -> None:
    from router.entrypoints.dead_letters_view import show  # noqa: PLC0415 - quick help

    show(found, value=value)


@dead_letters_app.command(
    name="replay",
    epilog="Examples:  router dead-letters replay --code unknown_rep --dry-run    "
    "router dead-letters replay form-submissions/3/120",
)
def replay_letters(  # noqa: PLR0913, PLR0917 - options of the command line
    places: Places = None,
    code: Code = None,
    topic: Topic = None,
    since: Since = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, the oldest.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were sent again before.")] = False,  # noqa: FBT002 - a flag of the command line
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be sent.")] = False,  # noqa: FBT002 - the same
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before several are sent.")] = False,  # noqa: FBT002 - the same
    as_json: Json = False,  # noqa: FBT002 - the same
) -> None:
    """Send the records of dead letters again, where they came from; what fails again is a new dead letter."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.bootstrap import CLOCK  # noqa: PLC0415 - quick help
    from router.entrypoints import dead_letters  # noqa: PLC0415 - quick help
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    which = dead_letters.wanted(places or (), code, topic, since, CLOCK.now())

    def agreed(count: int) -> bool:
        return yes or not sys.stdin.isatty() or typer.confirm(f"send {count} records again?", err=True)

    how = dead_letters.How(limit, again, dry_run, agreed)
    done = asyncio.run(dead_letters.replay(command_settings(), which, how))
    if as_json:
        typer.echo(json.dumps(done.as_json(), ensure_ascii=False))
    else:
        _print_replay(done)


def _print_replay(done: Replay) -> None:
    from router.entrypoints.explain_words import shown  # noqa: PLC0415 - quick help

    for letter in done.sent:
        typer.echo(f"{'would replay' if done.dry_run else 'replayed'}  {shown(letter.place)}  {letter.event.code}")
    for letter, why in done.left:
        typer.echo(f"left  {shown(letter.place)}  {letter.event.code}: {shown(why)}", err=True)
    if not done.dry_run and done.sent:
        typer.echo(f"{len(done.sent)} sent again; what fails again will be a new dead letter", err=True)
    elif not (done.sent or done.left):
        typer.echo("no dead letters of this kind", err=True)
