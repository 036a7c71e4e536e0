"""
Puts a ledger that is lost into Redis again: one process at a time, in portions, the `epoch` last.

Who restores holds a lease and goes on renewing it. Where it dies the lease runs
out and another begins from the start: what has no epoch is no ledger, and is
cleared away first.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.adapters.redis.functions import Functions
from router.adapters.redis.items import lane
from router.domain.ledger.state import DAY, Lead, Rep
from router.domain.ledger.verbs import Install
from router.domain.rebuild.course import Past
from router.domain.rebuild.image import Image
from router.errors import DependencyDown
from router.pipeline.ending import end
from router.ports import Applied

LEASE = 5_000  # ms; then somebody else may go on
RENEWS_EVERY = 1.0  # seconds
PORTION = 500  # leads, reps or ids of a call: some tens of milliseconds of Redis's time
KEPT = 400 * DAY
NOT_REP = frozenset({"active", "capacity", "weight", "order", "calendar", "manager", "load", "on_duty"})

Item = Mapping[str, Any]


class LeaseLost(DependencyDown):
    """Somebody else restores the ledger by now, or has done so."""


class Restoring:
    """The ledger of one workspace while it is made again; *publisher* will publish what follows from going on."""

    def __init__(self, client: Redis, workspace: str, publisher: str, now: int | None = None) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"
        self._functions = Functions(client)
        self._name = f"{self._functions.name}_restore"
        self._token = secrets.token_hex(8)
        self._publisher = publisher
        self._now = "" if now is None else str(now)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[bool]:
        """Hold the lease, renewed as long as the block lasts; False where somebody else holds it."""
        with asking():
            mine = bool(await self._client.set(self._prefix + "rebuild", self._token, px=LEASE, nx=True))
            if mine:
                await self._client.set(self._prefix + "rebuilder", self._token)
        if not mine:
            yield False
            return
        renewing = asyncio.ensure_future(self._keep_renewing())
        try:
            yield True
        finally:
            await end([renewing])
            await self._hand_back()

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(RENEWS_EVERY)
            try:
                await self._put([])
            except DependencyDown:
                continue  # whoever restores hears of it by its next call

    async def _hand_back(self) -> None:
        try:
            with asking():
                if await self._client.get(self._prefix + "rebuild") == self._token.encode():
                    await self._client.delete(self._prefix + "rebuild")
        except DependencyDown:
            pass  # it runs out by itself

    async def retire(self) -> None:
        """End the ledger that is there, if one is: from now on all are told that it forgot."""
        await self._put([{"put": "retire"}])

    async def clear(self) -> None:
        """Delete what is left of a ledger."""
        cursor = "0"
        while True:
            [(answer, *_)] = await self._put([{"put": "clear", "cursor": cursor}])
            cursor = answer.decode()
            if cursor == "0":
                return

    async def restore(
        self, image: Image, install: Install, submissions: Mapping[str, int], actions: Mapping[str, int], now: int
    ) -> None:
        """Put everything but the epoch; ids with the instant (ms) until which they are remembered."""
        for portion in portions(items_of(image, install, submissions, actions, now)):
            await self._put(portion)

    async def begin(self, image: Image, epoch: str) -> Applied:
        """Make it a ledger, and return what follows from going on; that stands in the outbox too."""
        last = {"put": "epoch", "epoch": epoch, "sequence": image.ledger.sequence, "resume": image.resume}
        [(code, facts, entry, _)] = await self._put([last])
        return Applied(code.decode(), facts, entry=entry)

    async def _put(self, items: Sequence[Item]) -> list[list[bytes]]:
        words = [orjson.dumps(item) for item in items]
        try:
            rows: list[list[bytes]] = await self._functions.call(
                self._name, self._prefix, self._now, self._publisher, self._token, str(LEASE), *words
            )
        except ResponseError as error:
            if str(error).startswith(("LEASE", "THERE")):
                raise LeaseLost(f"this process does not rebuild any more: {error}") from None
            raise
        return rows


def portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield *items* in calls that Redis is not held up by: an item of many ids is as many."""
    portion: list[Item] = []
    weight = 0
    for item in items:
        portion.append(item)
        weight += sum(len(item.get(name, ())) for name in ("submissions", "actions", "companies")) or 1
        if weight >= PORTION:
            yield portion
            portion, weight = [], 0
    if portion:
        yield portion


def items_of(
    image: Image, install: Install, submissions: Mapping[str, int], actions: Mapping[str, int], now: int
) -> Iterator[Item]:
    """Yield what the verb `restore` is given, but for the epoch: the policy, then reps, leads, owners and ids."""
    ledger = image.ledger
    yield {"put": "policy", "install": install}
    yield {"put": "virtual", "pools": ledger.virtual}
    for rep in ledger.reps.values():
        yield {"put": "rep", "rep": _rep(rep)}
    timers: dict[str, list[tuple[str, int]]] = {}
    for (kind, name), due in ledger.timers.items():
        timers.setdefault(name, []).append((kind, due))
    loose = set(image.loose)
    for lead in ledger.leads.values():
        yield {"put": "lead", "lead": _lead(lead), "timers": timers.get(lead.id, []), "loose": lead.id in loose}
    for name, past in image.over.items():
        yield {"put": "lead", "lead": _past(name, past), "kept": max(1, (past.at + KEPT - now) // 1000)}
    accounts = iter(image.accounts.items())
    while companies := dict(islice(accounts, PORTION)):
        yield {"put": "account", "companies": companies}
    for kind, ids in (("submissions", submissions), ("actions", actions)):
        left = ((name, until - now) for name, until in ids.items() if until > now)
        while some := dict(islice(left, PORTION)):
            yield {"put": "ids", "submissions": {}, "actions": {}, kind: some}


def _rep(rep: Rep) -> Item:
    return {name: getattr(rep, name) for name in Rep.__dataclass_fields__ if name not in NOT_REP}


def _lead(lead: Lead) -> Item:
    return {name: getattr(lead, name) for name in Lead.__dataclass_fields__} | {"lane": lane(lead.steps)}


def _past(name: str, past: Past) -> Item:
    kept = {"id": name, "state": past.state, "first": past.first, "attempt": past.attempt}
    brought = {"sub": past.sub, "submitted": past.submitted, "policy": past.policy} if past.sub else {}
    more = {"last_rep": past.last_rep, "erased": past.erased}
    return kept | brought | {name: value for name, value in more.items() if value is not None}
