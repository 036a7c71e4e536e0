"""
The command line: parses, calls, prints. Data goes to standard output, messages to standard error.

Everything heavy is imported inside the command that needs it, so that `--help`
answers at once.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.entrypoints.audit_commands import audit, watchdog
from router.entrypoints.dead_letters_commands import dead_letters_app
from router.entrypoints.erase_command import erase
from router.entrypoints.keys_commands import keys_app
from router.entrypoints.optional import optional
from router.entrypoints.rebuild.command import rebuild
from router.errors import BadInput, DependencyDown, Stands

if TYPE_CHECKING:
    from router.entrypoints.check import Report
    from router.entrypoints.topics import Creation, Drift, Listing
    from router.settings import Settings

BAD_INPUT, USAGE, UNREACHABLE, BUG, INTERRUPTED = 1, 2, 3, 70, 130
"""Exit codes; 70 is EX_SOFTWARE of sysexits.h: a fault of the router's own."""

app = typer.Typer(
    name="router",
    help="Routes form submissions to a rep who is there, and runs a clock until somebody has called.",
    epilog="Exit codes: 1 bad input, 2 wrong usage, 3 a server is unreachable.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def main() -> None:
    """Run a command and end the process with its exit code; no error is shown as a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code."""
    try:
        app(arguments, prog_name="router", standalone_mode=True)
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except (BadInput, DependencyDown) as exc:
        _say(str(exc).splitlines() or [type(exc).__name__])
        return UNREACHABLE if isinstance(exc, DependencyDown) else BAD_INPUT
    except Stands as exc:
        _say([str(exc)])
        return BUG
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - the edge: a bug becomes one line
        if os.environ.get("ROUTER_DEBUG"):
            traceback.print_exc()
        else:
            _say([f"unexpected {type(exc).__name__}: this is a fault of the router; ROUTER_DEBUG=1 shows where"])
        return BUG
    return 0


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(f"error: {line}", err=True)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - quick help

        try:
            typer.echo(f"router {version('speed-to-lead-router')}")
        except PackageNotFoundError:
            typer.echo("router, run from a folder that is not installed")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[  # noqa: FBT002 - a flag of the command line
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Routes form submissions to a rep who is there, and runs a clock until somebody has called."""


# --- a configuration and what it decides; no server -------------------------------------------------------------------


@app.command(
    epilog="Examples:  router check    router check config --json",
)
def check(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="Folder of policy files; default ROUTER_CONFIG.", show_default=False),
    ] = None,
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Validate a configuration and run its cases; exit 0, or 1 with every error."""
    from router.entrypoints.check import check as check_directory  # noqa: PLC0415 - quick help

    report = check_directory(_config(directory))
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False, default=str))
    else:
        _print_report(report)
    raise typer.Exit(0 if report.ok else BAD_INPUT)


def _print_report(report: Report) -> None:
    for problem in report.errors:
        typer.echo(f"error: {problem}", err=True)
    for case in report.cases:
        for line in case.lines():
            typer.echo(f"error: {line}", err=True)
    for problem in report.warnings:
        typer.echo(f"warning: {problem}", err=True)
    for line in report.summary():
        typer.echo(line)


@app.command(
    epilog="Examples:  router decide lead.json --at 2026-03-02T14:05:00Z    cat lead.json | router decide -",
)
def decide(
    file: Annotated[
        Path,
        typer.Argument(help="A submission as JSON, bare or a CloudEvent; - is standard input."),
    ] = Path("-"),
    config: Annotated[
        Path | None,
        typer.Option(help="Folder of policy files; default ROUTER_CONFIG.", show_default=False),
    ] = None,
    presence: Annotated[Path | None, typer.Option(help="JSON list of rep.presence.v1 data with open, owns, …")] = None,
    company: Annotated[Path | None, typer.Option(help="JSON object of company attributes.")] = None,
    activity: Annotated[Path | None, typer.Option(help="JSON list of lead.activity.v1 data of this lead.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When it is decided; default now.")] = None,
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Show what would become of one submission and who could take it; touches no server."""
    import secrets  # noqa: PLC0415 - quick help
    from datetime import UTC, datetime  # noqa: PLC0415 - quick help

    from router.entrypoints.decide import THROW_AWAY, Question, decide_file, instant  # noqa: PLC0415 - quick help
    from router.settings import identity_key, load_settings  # noqa: PLC0415 - quick help

    settings = load_settings()
    kept = settings.identity_key is not None or settings.secret is not None
    key = identity_key(settings) if kept else secrets.token_bytes(32)
    moment = instant(at) if at is not None else datetime.now(UTC)  # noqa: TID251 - the edge
    question = Question(file, config or settings.config, presence, company, activity)
    answer = decide_file(question, key=key, at=moment)
    notes = (*answer.notes, *(() if kept else (THROW_AWAY,)))
    told = {**answer.as_json(), "notes": list(notes)}
    typer.echo(json.dumps(told, ensure_ascii=False, indent=None if as_json else 2, default=str))
    for note in notes:
        typer.echo(f"note: {note}", err=True)


def _config(given: Path | None) -> Path:
    if given is not None:
        return given
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    return load_settings().config


# --- topics, worker, up, demo: processes and servers ------------------------------------------------------------------
# Each command stands here with its options and calls one function of router/entrypoints/.

topics_app = typer.Typer(help="The topics on Kafka: make them, list them, tell what differs.", no_args_is_help=True)
app.add_typer(topics_app, name="topics")


@topics_app.command(name="list", epilog="Example:  router topics list --json")
def list_topics(as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """List every topic that the router uses, under its full name; touches no server."""
    from router.entrypoints import topics  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    _print_topics(topics.list_topics(load_settings()), as_json=as_json)


@topics_app.command(name="create", epilog="Example:  ROUTER_KAFKA=broker:9092 router topics create")
def create_topics(as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """Make the topics that are missing, with the broker's default replication; leave the others as they are."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints import topics  # noqa: PLC0415 - quick help
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    _print_topics(asyncio.run(topics.create(command_settings())), as_json=as_json)


@topics_app.command(name="check", epilog="Example:  ROUTER_KAFKA=broker:9092 router topics check --json")
def check_topics(as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """Compare the topics with their description; exit 1 with what differs and the command that mends it."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints import topics  # noqa: PLC0415 - quick help
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    drift = asyncio.run(topics.check(command_settings()))
    _print_topics(drift, as_json=as_json)
    raise typer.Exit(0 if drift.ok else BAD_INPUT)


def _print_topics(report: Listing | Creation | Drift, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        for line in report.lines():
            typer.echo(line)


@app.command(epilog="Example:  ROUTER_KAFKA=broker:9092 ROUTER_REDIS_URL=redis://redis:6379 router worker")
def worker() -> None:
    """Run the stream processors until stopped; any number of workers may run side by side."""
    _run_worker("")


@app.command(epilog="Example:  ROUTER_KAFKA=broker:9092 ROUTER_REDIS_URL=redis://redis:6379 router notifier")
def notifier() -> None:
    """Send what reps, managers and programs are to hear through the configured channels; any number may run."""
    import uvloop  # noqa: PLC0415 - quick help

    from router.entrypoints.logs import set_up_logs  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    with optional("gateway,notify"):
        from router.entrypoints.notifier.run import run_notifier  # noqa: PLC0415 - quick help

    settings = load_settings()
    set_up_logs(settings.log_style)
    uvloop.run(run_notifier(settings))


app.add_typer(keys_app, name="keys")
app.add_typer(dead_letters_app, name="dead-letters")
app.command(
    epilog="Examples:  router erase ana@example.com --dry-run    router erase --phone 55501234 --country NO --yes"
)(erase)


@app.command(epilog="Example:  ROUTER_KAFKA=broker:9092 ROUTER_REDIS_URL=redis://redis:6379 router gateway")
def gateway() -> None:
    """Take events over HTTP until stopped: forms, webhooks, an API, pages; any number may run side by side."""
    with optional("gateway"):
        from router.entrypoints.gateway.process import run_gateway  # noqa: PLC0415 - quick help
    _run_listening(run_gateway)


@app.command(epilog="Examples:  router up    ROUTER_DATA_DIR=/var/lib/router router up")
def up() -> None:
    """Run everything in one process, on the embedded log and Valkey unless the settings name servers."""
    with optional("gateway,notify"):
        from router.entrypoints.up import run_up  # noqa: PLC0415 - quick help
    _run_listening(run_up)


@app.command(epilog="Examples:  router demo    router demo --plain    router demo --json | python -m json.tool")
def demo(
    plain: Annotated[bool, typer.Option("--plain", help="Print a line an event instead of a picture.")] = False,  # noqa: FBT002 - a flag of the command line
    as_json: Annotated[bool, typer.Option("--json", help="Print only the report, as JSON.")] = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Play the shipped example through the real pipeline (half a minute, nothing to set up), then report."""
    import gc  # noqa: PLC0415 - quick help

    typer.echo("the demo starts: a log, a ledger, a worker, eight reps; it takes about half a minute", err=True)
    gc.disable()  # a tenth of the time that the imports take; `run_demo` enables it again
    from router.entrypoints.demo import run_demo, style_for  # noqa: PLC0415 - quick help

    raise typer.Exit(run_demo(style_for(plain=plain, as_json=as_json)))


@app.command(epilog="Examples:  router explain LEAD_ID    router explain LEAD_ID --json | jq .now")
def explain(
    lead_id: Annotated[str, typer.Argument(metavar="LEAD_ID", help="As `router decide` prints it.")],
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Tell a lead's whole story: decisions, assignments and why not others, clocks, who was told, how it stands."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help
    from router.entrypoints.explain import as_json as json_of  # noqa: PLC0415 - quick help
    from router.entrypoints.explain import explain as story_of  # noqa: PLC0415 - quick help

    story = asyncio.run(story_of(command_settings(), lead_id))
    if as_json:
        typer.echo(json.dumps(json_of(story), ensure_ascii=False))
        return
    from router.entrypoints.explain_view import show  # noqa: PLC0415 - quick help

    show(story)


app.command(
    epilog="Examples:  router audit    router audit --since 1d --json    router audit --grace 30s  (after an outage)"
)(audit)
app.command(epilog="Example:  ROUTER_KAFKA=broker:9092 ROUTER_REDIS_URL=redis://redis:6379 router watchdog")(watchdog)
app.command(name="rebuild", epilog="Examples:  router rebuild    router rebuild --force --json")(rebuild)


def _run_worker(consumer: str) -> None:
    import uvloop  # noqa: PLC0415 - quick help

    from router.entrypoints.logs import set_up_logs  # noqa: PLC0415 - quick help
    from router.entrypoints.worker import run_worker  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    settings = load_settings()
    set_up_logs(settings.log_style)
    uvloop.run(run_worker(settings, consumer))


def _run_listening(run: Callable[[Settings, Callable[[str], None]], Coroutine[None, None, None]]) -> None:
    import uvloop  # noqa: PLC0415 - quick help

    from router.entrypoints.logs import set_up_logs  # noqa: PLC0415 - quick help
    from router.settings import load_settings  # noqa: PLC0415 - quick help

    settings = load_settings()
    set_up_logs(settings.log_style)
    uvloop.run(run(settings, lambda address: typer.echo(f"listening at {address}")))


if __name__ == "__main__":
    main()
