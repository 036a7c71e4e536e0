"""`router keys`: makes the gateway's keys, lists them, takes them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from router.adapters.redis.keys import SCOPES, Key, KeyStore, Scope
from router.adapters.redis.rates import read_rate
from router.bootstrap import CLOCK, redis_of
from router.entrypoints.gateway.origins import read_origin
from router.errors import BadInput
from router.events.base import rfc3339
from router.settings import Settings

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a new key, as it was written."""

    name: str
    scope: str
    origins: Sequence[str] = ()
    rate: str | None = None


async def create(settings: Settings, wanted: Wanted) -> tuple[Key, str]:
    """Make a key and return it with its text. Raises `BadInput` and `DependencyDown`."""
    scope, origins = _checked(wanted)
    async with redis_of(settings) as client:
        store = KeyStore(client, settings.workspace)
        return await store.create(wanted.name.strip(), scope, CLOCK.now(), origins=origins, rate=wanted.rate)


async def list_keys(settings: Settings) -> Sequence[Key]:
    """Return all keys, the oldest first. Raises `DependencyDown`."""
    async with redis_of(settings) as client:
        return await KeyStore(client, settings.workspace).all()


async def revoke(settings: Settings, identifier: str) -> None:
    """Take a key back. Raises `BadInput` where there is none of this id, and `DependencyDown`."""
    async with redis_of(settings) as client:
        if not await KeyStore(client, settings.workspace).revoke(identifier):
            raise BadInput(
                f"no key {identifier} in workspace {settings.workspace}. `router keys list` shows their ids."
            )


def as_json(key: Key, text: str | None = None) -> Mapping[str, object]:
    """Return a key for programs; with its *text* where it was just made."""
    told = {
        "name": key.name,
        "scope": key.scope,
        "origins": list(key.origins),
        "rate": key.rate,
        "created_at": rfc3339(key.created_at),
    }
    return {"id": key.id, **({} if text is None else {"key": text}), **told}


def lines(keys: Sequence[Key]) -> Sequence[str]:
    """Return keys for people, one a line."""
    if not keys:
        return ["no keys: router keys create NAME --scope ingest"]
    return [
        "  ".join(
            (
                key.id,
                f"{key.scope:<6}",
                f"{key.rate or '-':<8}",
                key.created_at.strftime("%Y-%m-%d %H:%M"),
                key.name + (f"  ({', '.join(key.origins)})" if key.origins else ""),
            )
        )
        for key in keys
    ]


def _checked(wanted: Wanted) -> tuple[Scope, tuple[str, ...]]:
    if not wanted.name.strip() or len(wanted.name) > LONGEST_NAME or not wanted.name.isprintable():
        raise BadInput(f"the name of a key has 1 to {LONGEST_NAME} printable characters: say what it is for.")
    scope = next((one for one in SCOPES if one == wanted.scope), None)
    if scope is None:
        raise BadInput(f"--scope {wanted.scope}: no such scope. There are {', '.join(SCOPES)}.")
    if scope == "form" and not wanted.origins:
        raise BadInput("--scope form needs --origin, as in --origin https://example.com: from there it is good.")
    if scope != "form" and wanted.origins:
        raise BadInput(f"--origin is for keys of scope form; one of scope {scope} is secret and good from anywhere.")
    if wanted.rate is not None and read_rate(wanted.rate) is None:
        raise BadInput(f"--rate {wanted.rate}: not a rate. As in 10/s, 600/m or 5000/h.")
    return scope, tuple(dict.fromkeys(_origin(one) for one in wanted.origins))


def _origin(text: str) -> str:
    origin = read_origin(text)
    if origin is None:
        raise BadInput(f"--origin {text}: not an origin. As in https://example.com, without a path.")
    return origin
