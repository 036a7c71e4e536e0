"""
One of the eight: a process that gives random verbs to the ledger they share, as fast as it answers.

`python -m tests.concurrency.player NUMBER` reads an `Orders` from standard input, plays, says `played`, waits for
one line, and then ends every lead that is its to end. What it asked and was told stands in a file, a line a call.
"""

from __future__ import annotations

import asyncio
import pickle
import random
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
from redis.asyncio import Redis

from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Verb
from tests.concurrency.deck import Deck
from tests.concurrency.hand import Hand

LARGEST = 64
SHARES_EVERY, HEARS_EVERY, LOOKS_EVERY = 4, 5, 2  # calls
SEEN = 15  # entries of the outbox


@dataclass(frozen=True, slots=True)
class Orders:
    """What a player is to do: *verbs* of its own will, then end every one of *leads* whose number is its own."""

    url: str
    workspace: str
    players: int
    seed: int
    verbs: int
    leads: int
    deck: Deck
    log: Path


def digest(facts: bytes) -> str:
    """Return what two copies of the same facts share."""
    return blake2b(facts, digest_size=12).hexdigest()


class Player:
    """One process's part."""

    def __init__(self, number: int, orders: Orders, client: Redis, log: BinaryIO) -> None:
        self._number = number
        self._orders = orders
        self._client = client
        self._ledger = RedisLedger(client, orders.workspace)
        self._log = log
        self._draw = random.Random(orders.seed * 1000 + number)  # noqa: S311 - so that it can be played again in kind
        self._hand = Hand(number, orders.players, orders.leads, orders.deck, self._draw)
        self._heard: deque[Verb] = deque(maxlen=200)
        self._calls = 0

    async def play(self) -> None:
        """Give the ledger as many verbs as were ordered."""
        left = self._orders.verbs
        while left:
            size = min(left, self._draw.choice((1, 2, 3, 5, 8, 16, 24, 32, 48, LARGEST)))
            verbs = self._hand.call(size, self._heard, 1 - left / self._orders.verbs)
            await self._talk(verbs)
            await self._apply(verbs)
            left -= size

    async def end(self) -> None:
        """Touch or close every lead that is this player's to end."""
        mine = [f"L-{lead}" for lead in range(self._number, self._orders.leads, self._orders.players)]
        for start in range(0, len(mine), LARGEST):
            await self._apply(self._hand.last_words(mine[start : start + LARGEST]))

    async def _talk(self, verbs: Sequence[Verb]) -> None:
        """
        Let others hear what is about to be said, so that it may come twice, or from them first; and hear them.

        The first verb of a call is its own alone: it must leave a fact.
        """
        self._calls += 1
        said = f"{{{self._orders.workspace}}}:said:"
        if self._calls % SHARES_EVERY == self._number % SHARES_EVERY:
            await self._client.set(f"{said}{self._number}", pickle.dumps(list(verbs[1:])))
        if self._calls % HEARS_EVERY == 0:
            other = (self._number + self._draw.randrange(1, self._orders.players)) % self._orders.players
            kept = cast("bytes | None", await self._client.get(f"{said}{other}"))
            if kept is not None:
                self._heard.extend(pickle.loads(kept))  # noqa: S301 - another player's words
        if self._calls % LOOKS_EVERY == 0:
            rows = cast("list[Any]", await self._client.xrevrange(self._ledger.prefix + "out", count=SEEN))
            for _, values in reversed(rows):
                self._hand.look(orjson.loads(values[b"f"]), own=False)

    async def _apply(self, verbs: Sequence[Verb]) -> None:
        answers = await self._ledger.apply(verbs)
        for answer in answers:
            self._hand.look(orjson.loads(answer.facts), own=True)
        told = [
            (one.code, one.entry.decode(), digest(one.facts), one.message)
            if one.entry
            else (one.code, "", "", one.message)
            for one in answers
        ]
        self._log.write(orjson.dumps({"verbs": [brief(verb) for verb in verbs], "told": told}) + b"\n")


def brief(verb: Verb) -> dict[str, Any]:
    """Return what of a verb its judge must know: all but what is long."""
    whole: dict[str, Any] = orjson.loads(orjson.dumps(verb))
    for long in ("decision", "card", "steps", "clock", "seats", "pools", "audiences"):
        whole.pop(long, None)
    return whole


async def main(number: int, orders: Orders) -> None:
    """Play, wait for the word, end."""
    async with Redis.from_url(orders.url) as client:
        with (orders.log / f"{number}.jsonl").open("wb") as log:
            player = Player(number, orders, client, log)
            await player.play()
            log.flush()
            print("played", flush=True)  # noqa: T201 - how the test hears of it
            await asyncio.to_thread(sys.stdin.buffer.readline)
            await player.end()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), pickle.load(sys.stdin.buffer)))  # noqa: S301 - the test's own orders
