"""
The ledger in Redis: verbs go in as one call of the Lua library, what follows comes back and stands in the outbox.

A ledger is known by its epoch. Where Redis has lost it, or went back behind what
this process has seen, every verb is refused (`LedgerForgot`) until the ledger is
made again and this process has adopted it; what it was told before, and has not
published, it holds in memory for that time.

An outbox entry belongs to a publisher: one id of one process, good for as long
as nothing goes wrong. Where an answer was lost, what was applied stands in the
outbox unpublished; so the id is given up, its liveness runs out, and the next
sweep, of whichever worker, publishes it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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
HELD_AT_MOST = 5_000  # answers; what was given up is swept by whoever it falls to, and need not be held for long
LEASE = 1_000  # ms, within ALIVE_FOR: who dies sweeping delays nobody; it saves repeats, correctness does not need it

_NUMBER = re.compile(rb"[0-9]+")

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


def _of_entry(entry: bytes, values: Mapping[bytes, bytes]) -> Applied:
    return Applied("done", values[b"f"], values[b"d"], entry, values[b"h"].decode() or None)


class LedgerForgot(DependencyDown):
    """The ledger is not in this Redis, or not all of it: nothing may be decided on it until it is made again."""


@dataclass(frozen=True, slots=True)
class Known:
    """What Redis says of the ledger: its epoch (None: there is no ledger) and its last sequence."""

    epoch: str | None
    sequence: int


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
        self._known = Known(None, 0)
        self._held: dict[bytes, Applied] = {}
        self._asking = 0
        self._beats = 0
        self.forgot = asyncio.Event()

    @property
    def publisher(self) -> str:
        """Who publishes what follows from this process's verbs, until something goes wrong."""
        return self._publisher

    async def apply(self, verbs: Sequence[Verb], now: int | None = None) -> Sequence[Applied]:
        """Apply *verbs*, each as one atomic step; *now* (ms) stands in for the server's time in tests."""
        if self._announced != self._publisher:
            await self.announce()
        items = [argument for verb in verbs for argument in arguments(verb)]
        epoch, sequence = self._known.epoch or "", str(self._known.sequence)
        self._asking += 1
        try:
            rows = await self._call("" if now is None else str(now), self._publisher, epoch, sequence, *items)
        except (DependencyDown, asyncio.CancelledError):
            self.give_up()
            raise
        finally:
            self._asking -= 1
        answers = [
            Applied(code.decode(), facts, _decision(verb, code), entry, getattr(verb, "trace", None), message.decode())
            for verb, (code, facts, entry, message) in zip(verbs, rows, strict=True)
        ]
        self._hold(answers)
        return answers

    def _hold(self, answers: Sequence[Applied]) -> None:
        """Keep what is not published yet, and the newest sequence; the oldest goes where too much was given up."""
        self._held.update((one.entry, one) for one in answers if one.entry)
        while len(self._held) > HELD_AT_MOST:
            del self._held[next(iter(self._held))]
        for one in reversed(answers):
            if (found := one.facts.rfind(b'"seq":')) >= 0:
                sequence = int(_NUMBER.match(one.facts, found + len(b'"seq":'))[0])  # type: ignore[index]  # Lua wrote it
                self._known = Known(self._known.epoch, max(self._known.sequence, sequence))
                return

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take *applied* out of the outbox; where that fails it is published once more, under the same ids."""
        for one in applied:
            self._held.pop(one.entry, None)
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
                found = [_of_entry(entry, values) for entry, values in entries if values[b"p"] in gone]
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
        """Announce the publisher for ever, and look whether the ledger is there; an outage is nobody's concern here."""
        while True:
            try:
                await self.announce()
                await self.look()
            except DependencyDown:
                self._announced = ""
            await asyncio.sleep(ALIVE_EVERY)

    async def look(self) -> Known:
        """Ask what ledger is there; where it is not the one that is known here, `forgot` is set, and Redis told."""
        mine = self._known  # before asking: answers that come meanwhile may know more
        known = await self.known()
        if mine.epoch is not None and mine.epoch == self._known.epoch:
            if known.epoch == mine.epoch and known.sequence >= mine.sequence:
                self._known = Known(known.epoch, max(known.sequence, self._known.sequence))
            else:
                self.forgot.set()
        if self.forgot.is_set():
            self._beats += 1
            state = "drained" if self.is_drained else "busy"
            with asking():
                await self._client.hset(self.prefix + "roll", self._sweeper, f"{state} {self._beats}")
        return known

    async def known(self) -> Known:
        """Return what ledger is there."""
        with asking():
            answer = await self._client.mget(self.prefix + "epoch", self.prefix + "seq")
        epoch, last = cast("list[bytes | None]", answer)
        return Known(None if epoch is None else epoch.decode(), int(last or 0))

    @property
    def last_known(self) -> Known:
        """What this process knows of the ledger that it works with."""
        return self._known

    @property
    def is_drained(self) -> bool:
        """Whether nothing is on its way to or from a ledger that is gone: all that it told stands on the log."""
        return self._asking == 0 and not self._held

    def held(self) -> Sequence[Applied]:
        """Return what the ledger told this process and is not published yet."""
        return list(self._held.values())

    def adopt(self, known: Known) -> None:
        """Go on with this ledger."""
        self.give_up()
        self._known = known
        self._held.clear()
        self.forgot.clear()

    async def outbox(self, after: bytes = b"") -> Sequence[Applied]:
        """Return a part of all that stands in the outbox, whoever is to publish it, from *after* on."""
        start = b"(" + after if after else b"-"
        with asking():
            entries = cast("Entries", await self._client.xrange(self.prefix + "out", start, count=SWEPT_AT_ONCE))
        return [_of_entry(entry, values) for entry, values in entries]

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
        known = await self.known()
        return None if known.epoch is None else known.sequence

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
            if self._known.epoch in (None, arguments[2]):  # else it was asked of the one before
                self.forgot.set()
            message = f"Redis has lost the ledger {self.prefix}; it is made again from the log: {exc}"
            raise LedgerForgot(message) from None
        return rows
