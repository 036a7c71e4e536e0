"""The commands `router keys …`; as in `router.cli`, what is heavy is imported inside the command that needs it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from router.entrypoints.optional import optional

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]

keys_app = typer.Typer(help="Keys of the gateway: make them, list them, take them back.", no_args_is_help=True)


@keys_app.command(
    name="create",
    epilog="Examples:  router keys create website --scope form --origin https://example.com    "
    "router keys create crm --scope ingest --rate 50/s --json",
)
def create_key(
    name: Annotated[str, typer.Argument(help="What it is for, as it is listed.")],
    scope: Annotated[str, typer.Option(help="ingest, agent, admin (both) or form.")],
    origin: Annotated[list[str] | None, typer.Option(help="Where a form key is good; may be repeated.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="N/s|m|h", help="How often it may call; default no limit.")
    ] = None,
    as_json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Make a key and print it, this once: it is kept as a hash."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    with optional("gateway"):
        from router.entrypoints import keys  # noqa: PLC0415 - quick help
    wanted = keys.Wanted(name, scope, origin or (), rate)
    key, text = asyncio.run(keys.create(command_settings(), wanted))
    if as_json:
        typer.echo(json.dumps(keys.as_json(key, text), ensure_ascii=False))
        return
    typer.echo(text)
    typer.echo(
        f"key {key.id} of scope {key.scope}; it is shown this once. Take it back: router keys revoke {key.id}", err=True
    )


@keys_app.command(name="list", epilog="Example:  router keys list --json")
def list_keys(as_json: Json = False) -> None:  # noqa: FBT002 - a flag of the command line
    """List the keys there are, without what they are kept as."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    with optional("gateway"):
        from router.entrypoints import keys  # noqa: PLC0415 - quick help
    found = asyncio.run(keys.list_keys(command_settings()))
    if as_json:
        typer.echo(json.dumps([keys.as_json(one) for one in found], ensure_ascii=False))
        return
    for line in keys.lines(found):
        typer.echo(line)


@keys_app.command(name="revoke", epilog="Example:  router keys revoke ID")
def revoke_key(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="As `router keys list` shows it.")],
) -> None:
    """Take a key back; within two seconds no gateway lets it in."""
    import asyncio  # noqa: PLC0415 - quick help

    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help

    with optional("gateway"):
        from router.entrypoints import keys  # noqa: PLC0415 - quick help
    asyncio.run(keys.revoke(command_settings(), identifier))
    typer.echo(f"revoked {identifier}")


@keys_app.command(name="identity", epilog="Example:  export ROUTER_IDENTITY_KEY=$(router keys identity)")
def identity() -> None:
    """Print the key that lead ids are made with: set it as ROUTER_IDENTITY_KEY before ROUTER_SECRET is changed."""
    from router.entrypoints.command_settings import command_settings  # noqa: PLC0415 - quick help
    from router.settings import identity_key  # noqa: PLC0415 - quick help

    typer.echo(identity_key(command_settings()).hex())
