"""
Who is at the pages: sessions, sign-in links that work once, and which pages are open.

What a visitor carries is never kept as it is: a key is the hash of it, so that
who reads this Redis can sign in as nobody.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking

LINK_FOR = 900
"""Seconds for which a sign-in link works."""

SESSION_FOR = 12 * 3600
"""Seconds after which who was not seen must sign in again."""

RENEW_AFTER = 600
PAGE_FOR = 75
"""Seconds after which a page that was not heard of counts as closed: two heartbeats and some."""

MOST_PAGES = 20

Kind = Literal["rep", "manager"]


async def at_once(client: Redis, *commands: tuple[object, ...]) -> list[Any]:
    """Return the answers of *commands*, asked in one transaction and one round trip."""
    async with client.pipeline(transaction=True) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        return await pipe.execute()


class Visitors:
    """The visitors of one workspace's pages. Every call raises `DependencyDown` where Redis does not answer."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:page:"

    async def make_link(self, nonce: str, kind: Kind, person: str) -> None:
        """Let *nonce* sign the person in, once, for `LINK_FOR`."""
        with asking():
            await self._client.set(self._key("link", nonce), orjson.dumps([kind, person]), ex=LINK_FOR)

    async def whose_link(self, nonce: str) -> tuple[Kind, str] | None:
        """Return whom a link would sign in, without using it up."""
        with asking():
            return _whose(await self._client.get(self._key("link", nonce)))

    async def use_link(self, nonce: str) -> tuple[Kind, str] | None:
        """Return whom the link signs in and use it up, in one step: of two who come with it one gets in."""
        with asking():
            return _whose(await self._client.getdel(self._key("link", nonce)))

    async def begin(self, session: str, kind: Kind, person: str) -> None:
        """Begin a session."""
        with asking():
            await self._client.set(self._key("session", session), orjson.dumps([kind, person]), ex=SESSION_FOR)

    async def whose(self, session: str) -> tuple[Kind, str, bool] | None:
        """Return whose session this is, and whether it was renewed just now: one that is used lives on."""
        key = self._key("session", session)
        with asking():
            kept, left = await at_once(self._client, ("GET", key), ("TTL", key))
            whose = _whose(kept)
            if whose is None:
                return None
            renewed = left < SESSION_FOR - RENEW_AFTER
            if renewed:
                await self._client.expire(key, SESSION_FOR)
        return *whose, renewed

    async def end(self, session: str) -> None:
        """End a session, wherever its cookie has been copied to."""
        with asking():
            await self._client.delete(self._key("session", session))

    async def beat(self, rep_id: str, page: str, now: int, *, every: int) -> bool:
        """Note that a page of the rep's is open; return whether it is time to say so: not within *every* ms again."""
        pages, said = f"{self._prefix}open:{rep_id}", f"{self._prefix}beat:{rep_id}"
        with asking():
            *_, due = await at_once(
                self._client,
                ("ZADD", pages, now, page),
                ("ZREMRANGEBYRANK", pages, 0, -MOST_PAGES - 1),  # a visitor may make up as many as they like
                ("EXPIRE", pages, PAGE_FOR),
                ("SET", said, 1, "PX", every, "NX"),
            )
        return bool(due)

    async def leave(self, rep_id: str, page: str, now: int) -> bool:
        """Note that a page has been closed; return whether it was the last."""
        pages = f"{self._prefix}open:{rep_id}"
        with asking():
            _, left, _ = await at_once(
                self._client,
                ("ZREM", pages, page),
                ("ZCOUNT", pages, now - PAGE_FOR * 1000, "+inf"),
                ("DEL", f"{self._prefix}beat:{rep_id}"),  # whoever opens one next says so at once
            )
        return not left

    def _key(self, what: str, secret: str) -> str:
        return f"{self._prefix}{what}:{hashlib.sha256(secret.encode()).hexdigest()}"


def _whose(kept: bytes | str | None) -> tuple[Kind, str] | None:
    if kept is None:
        return None
    kind, person = orjson.loads(kept)
    return kind, person
