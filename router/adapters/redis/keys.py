"""Keys of the gateway: who may call what. Kept in Redis as hashes; the key itself is shown once, to who made it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, cast, get_args

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.events.base import parse_instant, rfc3339

Scope = Literal["ingest", "agent", "admin", "form"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)

TRUSTED_FOR: Final = 1.0
"""Seconds that a key once found good is not asked for again, so that one that is revoked stops within two."""

KEPT_AT_MOST: Final = 10_000

_KEY: Final = re.compile(r"rk_([a-z0-9]{12})_[A-Za-z0-9_-]{43}")
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Key:
    """
    What a key may do.

    * **origins** - from where a `form` key may be used.
    * **rate** - as `10/s`, `600/m` or `5000/h`; None for no limit.
    """

    id: str
    name: str
    scope: Scope
    origins: tuple[str, ...]
    rate: str | None
    created_at: datetime


class KeyStore:
    """The keys of one workspace."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._name = f"{{{workspace}}}:keys"
        self._good: dict[str, tuple[float, str, Key]] = {}

    async def create(
        self, name: str, scope: Scope, now: datetime, *, origins: Sequence[str] = (), rate: str | None = None
    ) -> tuple[Key, str]:
        """Make a key and return it with its text, which is kept nowhere. Raises `DependencyDown`."""
        identifier = "".join(secrets.choice(_ALPHABET) for _ in range(12))
        text = f"rk_{identifier}_{secrets.token_urlsafe(32)}"
        key = Key(identifier, name, scope, tuple(origins), rate, now)
        kept = {**asdict(key), "created_at": rfc3339(now), "hash": _hash(text)}
        with asking():
            await self._client.hset(self._name, identifier, orjson.dumps(kept).decode())
        return key, text

    async def all(self) -> Sequence[Key]:
        """Return the keys there are, the oldest first. Raises `DependencyDown`."""
        with asking():
            rows = await cast("Awaitable[dict[bytes, bytes]]", self._client.hgetall(self._name))
        return sorted((_key(orjson.loads(row)) for row in rows.values()), key=lambda one: (one.created_at, one.id))

    async def revoke(self, identifier: str) -> bool:
        """Take a key back; False where there is none of this id. Raises `DependencyDown`."""
        self._good.clear()
        with asking():
            return bool(await self._client.hdel(self._name, identifier))

    async def find(self, text: str) -> Key | None:
        """Return the key that *text* is, as of at most a second ago; None where it is none. Raises `DependencyDown`."""
        match = _KEY.fullmatch(text)
        if match is None:
            return None
        identifier, given, now = match[1], _hash(text), time.monotonic()
        kept = self._good.get(identifier)
        if kept is not None and now < kept[0]:
            return kept[2] if hmac.compare_digest(kept[1], given) else None
        with asking():
            row = await cast("Awaitable[bytes | None]", self._client.hget(self._name, identifier))
        if row is None:
            self._good.pop(identifier, None)
            return None
        document = orjson.loads(row)
        key = _key(document)
        if len(self._good) >= KEPT_AT_MOST:
            self._good.clear()
        self._good[identifier] = (now + TRUSTED_FOR, document["hash"], key)
        return key if hmac.compare_digest(document["hash"], given) else None


def _hash(text: str) -> str:
    """Return the hash that a key is kept as. A key has 256 random bits: no salt or stretching makes it safer."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(document: dict[str, object]) -> Key:
    fields = {name: document[name] for name in ("id", "name", "scope", "rate")}
    origins = cast("list[str]", document["origins"])
    return Key(**fields, origins=tuple(origins), created_at=parse_instant(str(document["created_at"])))  # type: ignore[arg-type]  # as written by `create`
