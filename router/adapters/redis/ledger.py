"""
The ledger in Redis: verbs go in as one call of the Lua library, what follows comes back and stands in the outbox.

An outbox entry belongs to a publisher: one id of one process, good for as long
as nothing goes wrong. Where an answer was lost, what was applied stands in the
outbox unpublished; so the id is given up, its liveness runs out, and the next
sweep, of whichever worker, publishes it.
"""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.adapters.redis.functions import Functions
from router.adapters.redis.items import arguments
from router.domain.ledger.verbs import Place, Verb
from router.domain.policy import Strategy
from router.domain.routing import Audience
from router.errors import DependencyDown
from router.ports import Applied

ALIVE_FOR = 1_200  # ms; after that a publisher that is not heard of is taken for gone
ALIVE_EVERY = 0.3  # seconds
AT_ONCE = 2  # calls: the server always has one to begin with, and a sign of life never waits for a whole queue of them
SWEPT_AT_ONCE = 200  # entries
DATASET_KEPT = 172_800  # seconds; each worker asks for more every hour
LEASE = 1_000  # ms, within ALIVE_FOR: who dies sweeping delays nobody; it saves repeats, correctness does not need it


Entries = list[tuple[bytes, dict[bytes, bytes]]]
Companies = Mapping[str, Mapping[str, object]]


def _packed(companies: Companies) -> bytes:
    return zlib.compress(orjson.dumps(companies), level=1)


def _unpacked(packed: bytes) -> Companies:
    companies: Companies = orjson.loads(zlib.decompress(packed))
    return companies


def _decision(verb: Verb, code: bytes) -> bytes:
    """Return what a `decided` fact speaks of; the ledger does not send back what it was given."""
    return verb.decision.encode() if code == b"done" and isinstance(verb, Place) else b""


class LedgerForgot(DependencyDown):
    """The ledger is not in this Redis, or not all of it: nothing may be decided on it until it is restored."""


class RedisLedger:
    """One workspace's ledger; implements `router.ports.Ledger`."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self.prefix = f"{{{workspace}}}:"
        self._functions = Functions(client)
        self._sweeper = secrets.token_hex(8)  # stays the same when a publisher is given up
        self._publisher = secrets.token_hex(8)
        self._announced = ""
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def apply(self, verbs: Sequence[Verb], now: int | None = None) -> Sequence[Applied]:
        """Apply *verbs*, each as one atomic step; *now* (ms) stands in for the server's time in tests."""
        if self._announced != self._publisher:
            await self.announce()
        items = [argument for verb in verbs for argument in arguments(verb)]
        try:
            rows = await self._call("" if now is None else str(now), self._publisher, *items)
        except (DependencyDown, asyncio.CancelledError):
            self.give_up()
            raise
        return [
            Applied(code.decode(), facts, _decision(verb, code), entry, getattr(verb, "trace", None), message.decode())
            for verb, (code, facts, entry, message) in zip(verbs, rows, strict=True)
        ]

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take *applied* out of the outbox; where that fails it is published once more, under the same ids."""
        try:
            with asking():
                await self._client.xdel(self.prefix + "out", *(one.entry for one in applied))
        except DependencyDown:
            self.give_up()
        except asyncio.CancelledError:
            self.give_up()
            raise

    def give_up(self) -> None:
        """Go on under another publisher id; the liveness of this one runs out within about a second."""
        self._publisher = secrets.token_hex(8)

    async def abandoned(self, after: bytes = b"") -> Sequence[Applied]:
        """Return entries whose publisher is gone, the oldest first, while this process holds the lease to sweep."""
        with asking():
            if not await self._client.set(self.prefix + "sweep", self._sweeper, px=LEASE, nx=True):
                holder = await self._client.get(self.prefix + "sweep")
                if holder != self._sweeper.encode():
                    return []
            while True:
                start = b"(" + after if after else b"-"
                entries = cast("Entries", await self._client.xrange(self.prefix + "out", start, count=SWEPT_AT_ONCE))
                gone = await self._gone({values[b"p"] for _, values in entries})
                found = [
                    Applied("done", values[b"f"], values[b"d"], entry, values[b"h"].decode() or None)
                    for entry, values in entries
                    if values[b"p"] in gone
                ]
                if found or len(entries) < SWEPT_AT_ONCE:
                    return found
                after = entries[-1][0]

    async def _gone(self, publishers: Collection[bytes]) -> Collection[bytes]:
        if not publishers:
            return ()
        alive = await self._client.mget([self._liveness(name.decode()) for name in publishers])
        return {name for name, sign in zip(publishers, alive, strict=True) if sign is None}

    async def announce(self) -> None:
        """Say that this publisher lives."""
        name = self._publisher
        with asking():
            await self._client.set(self._liveness(name), b"1", px=ALIVE_FOR)
        self._announced = name

    async def stay_alive(self) -> None:
        """Announce the publisher for ever; while Redis is away that is nobody's concern."""
        while True:
            try:
                await self.announce()
            except DependencyDown:
                self._announced = ""
            await asyncio.sleep(ALIVE_EVERY)

    async def resign(self) -> None:
        """Leave at once what is in the outbox to the others; for the orderly end of a process."""
        with asking():
            await self._client.delete(self._liveness(self._publisher))

    async def audiences(self) -> Sequence[Audience]:
        """Return the audiences that the ledger knows, without members."""
        with asking():
            names = sorted(cast("set[bytes]", await self._client.smembers(self.prefix + "auds")))
            pipe = self._client.pipeline(transaction=False)  # there may be thousands
            for name in names:
                _ = pipe.hmget(f"{self.prefix}aud:{name.decode()}", ["pool", "strategy", "match", "values"])
            rows = cast("list[list[bytes]]", await pipe.execute())
        return [
            Audience(
                name.decode(),
                pool.decode(),
                cast("Strategy", how.decode()),
                (),
                match.decode() or None,
                values.decode(),
            )
            for name, (pool, how, match, values) in zip(names, rows, strict=True)
        ]

    async def version(self) -> str | None:
        """Return the version of the policy in force; None before the first."""
        with asking():
            version = cast("bytes | None", await self._client.hget(self.prefix + "meta", "version"))
        return None if version is None else version.decode()

    async def policy(self, version: str) -> str | None:
        """Return the canonical text of a policy that was ever in force."""
        with asking():
            text = cast("bytes | None", await self._client.hget(self.prefix + "policies", version))
        return None if text is None else text.decode()

    async def keep_policy(self, version: str, text: str) -> None:
        """Keep the text of a policy that decisions name, for good."""
        with asking():
            await self._client.hsetnx(self.prefix + "policies", version, text)

    async def dataset(self, digest: str) -> Companies | None:
        """Return a dataset of companies by the digest that a policy names it by."""
        with asking():
            packed = cast("bytes | None", await self._client.get(f"{self.prefix}dataset:{digest}"))
        return None if packed is None else await asyncio.to_thread(_unpacked, packed)

    async def keep_dataset(self, digest: str, companies: Companies) -> None:
        """Keep a dataset for two days more: whoever follows a policy needs it then, and later every worker has it."""
        key = f"{self.prefix}dataset:{digest}"
        with asking():
            if await self._client.expire(key, DATASET_KEPT):
                return
        packed = await asyncio.to_thread(_packed, companies)
        with asking():
            await self._client.set(key, packed, ex=DATASET_KEPT)

    async def begin(self, epoch: str) -> bool:
        """Start an empty ledger; False where there is one already."""
        with asking():
            return bool(await self._client.set(self.prefix + "epoch", epoch, nx=True))

    async def sequence(self) -> int | None:
        """Return the last sequence of lead-assignments, or None where there is no ledger."""
        with asking():
            epoch, last = await self._client.mget(self.prefix + "epoch", self.prefix + "seq")
        return None if epoch is None else int(last or 0)

    async def fingerprint(self, mine: str) -> str:
        """Return the fingerprint of the identity key that this ledger was begun with; the first to ask sets it."""
        with asking():
            kept = cast("bytes | None", await self._client.set(self.prefix + "identity", mine, nx=True, get=True))
        return mine if kept is None else kept.decode()

    def _liveness(self, publisher: str) -> str:
        return f"{self.prefix}alive:{publisher}"

    async def _call(self, *arguments: str | bytes) -> list[list[bytes]]:
        try:
            async with self._turns:
                rows: list[list[bytes]] = await self._functions.call(self._functions.name, self.prefix, *arguments)
        except ResponseError as exc:
            if "FORGOT" not in str(exc):
                raise
            message = (
                f"the ledger {self.prefix} is gone from Redis. Restore Redis from its append-only file or a backup; "
                "nothing is decided until then"
            )
            raise LedgerForgot(message) from None
        return rows
