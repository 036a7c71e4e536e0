"""
The ledger in Redis: verbs go in as one call of the Lua library, answers come back with their outbox entries.

What is in a call's answer also stands in the outbox, under this process's
publisher id, until it is removed after publishing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from router.adapters.redis.functions import library
from router.domain.ledger.facts import Fact
from router.domain.ledger.verbs import Verb
from router.errors import DependencyDown, RouterError

DOWN = (RedisConnectionError, RedisTimeoutError, OSError)


class LedgerForgot(RouterError):
    """The ledger is not in this Redis, or not all of it: nothing may be decided on it."""


class LedgerFault(RouterError):
    """A verb failed inside the ledger; a bug. The others of its batch are not affected."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What one verb came to; `code` is that of `router.domain.ledger.facts`, or `error`."""

    code: str
    facts: bytes
    decision: bytes
    entry: bytes
    message: bytes

    def fact_list(self) -> list[Fact]:
        """Return the facts as dicts."""
        return orjson.loads(self.facts)  # type: ignore[no-any-return]  # what the ledger wrote


class RedisLedger:
    """Applies verbs in one workspace's ledger, many a call."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self.prefix = f"{{{workspace}}}:"
        self._function, self._source = library()

    async def apply(self, verbs: Sequence[Verb], publisher: str, now: int | None = None) -> list[Applied]:
        """
        Apply *verbs* in order, each as one atomic step of its own.

        * **publisher** - under whose id the facts stand in the outbox.
        * **now** - in ms, for tests and replays; the server's own time by default.

        Raises `DependencyDown` when Redis did not answer: the verbs may then have been applied, and applying
        them again is harmless, but their facts must come from the outbox. Raises `LedgerForgot`.
        """
        arguments = ["" if now is None else str(now), publisher, *(orjson.dumps(verb) for verb in verbs)]
        rows = await self._call(arguments)
        return [Applied(row[0].decode(), row[1], row[2], row[3], row[4]) for row in rows]

    async def _call(self, arguments: list[str | bytes]) -> list[list[bytes]]:
        for _ in range(2):
            try:
                return await self._client.fcall(self._function, 1, self.prefix, *arguments)  # type: ignore[no-any-return, misc, arg-type]  # redis types awaitable and plain together
            except ResponseError as exc:
                if "Function not found" in str(exc):
                    await self._load()
                    continue
                if "FORGOT" in str(exc):
                    message = f"the ledger {self.prefix} is not in this Redis"
                    raise LedgerForgot(message) from None
                if str(exc).startswith(("LOADING", "MASTERDOWN", "READONLY", "OOM", "MISCONF")):
                    raise DependencyDown(f"Redis: {exc}") from exc
                raise LedgerFault(str(exc)) from exc
            except DOWN as exc:
                raise DependencyDown(f"Redis: {exc}") from exc
        message = "Redis does not keep the ledger's functions"
        raise DependencyDown(message)

    async def _load(self) -> None:
        try:
            await self._client.function_load(self._source, replace=True)  # type: ignore[misc]  # as above
        except DOWN as exc:
            raise DependencyDown(f"Redis: {exc}") from exc

    async def begin(self, epoch: str) -> bool:
        """Start an empty ledger; False where there is one already."""
        try:
            return bool(await self._client.set(self.prefix + "epoch", epoch, nx=True))
        except RedisError as exc:
            raise DependencyDown(f"Redis: {exc}") from exc

    async def sequence(self) -> int | None:
        """Return the last sequence of lead-assignments, or None where there is no ledger."""
        try:
            epoch, last = await self._client.mget(self.prefix + "epoch", self.prefix + "seq")
        except RedisError as exc:
            raise DependencyDown(f"Redis: {exc}") from exc
        return None if epoch is None else int(last or 0)
