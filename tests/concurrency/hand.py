"""What one player says next: random verbs, many of them about what is going on right now, some late, wrong or again."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Mapping, MutableSequence, Sequence
from typing import Any, Literal, NamedTuple

from router.domain.ledger.verbs import Act, Attend, Close, Place, Tick, Verb
from tests.concurrency.deck import NURTURE, REPS, ROUTES, Deck, kind_of

TICK_EVERY = 0.05  # seconds
INSTALL_EVERY = 400  # verbs of one player
TIDES = 6  # times that the queue grows, and is worked off, in a game

Action = Literal["accept", "decline", "touch", "release"]


class Offer(NamedTuple):
    """An assignment that was seen."""

    lead: str
    rep: str
    attempt: int


class Hand:
    """Draws verbs; `look` shows it what happened."""

    def __init__(self, number: int, players: int, leads: int, deck: Deck, draw: random.Random) -> None:
        self._number = number
        self._players = players
        self._leads = leads
        self._deck = deck
        self._draw = draw
        self._offers: deque[Offer] = deque(maxlen=60)
        self._old: deque[Offer] = deque(maxlen=300)
        self._waiting: deque[str] = deque(maxlen=60)
        self._said = 0
        self._ticked = 0.0

    def look(self, facts: Sequence[Mapping[str, Any]], *, own: bool) -> None:
        """Take note of who was given what, and of who waits: all of its own answers, its part of what others did."""
        for fact in facts:
            if not own and _number(fact.get("lead")) % self._players != self._number:
                continue
            if fact["t"] == "assigned":
                self._offers.append(Offer(fact["lead"], fact["rep"], fact["attempt"]))
            elif fact["t"] == "queued":
                self._waiting.append(fact["lead"])

    def call(self, size: int, heard: MutableSequence[Verb], share: float) -> list[Verb]:
        """
        Return the verbs of one call, *share* of the game being over.

        The first one always leaves a fact: by its place in the outbox all calls are brought into their order.
        """
        rush = int(share * 2 * TIDES) % 2 == 0
        first = self._place("sales") if size == 1 else self._place("nurture")
        verbs: list[Verb] = [first, *(self._one(heard, rush=rush) for _ in range(size - 1))]
        if size > 1 and time.monotonic() - self._ticked > TICK_EVERY * self._draw.uniform(0.5, 1.5):
            self._ticked = time.monotonic()
            verbs[self._draw.randrange(1, size)] = Tick()
        return verbs

    def last_words(self, leads: Sequence[str]) -> list[Verb]:
        """Return the verbs of one call that ends *leads* for good, whatever state they are in."""
        return [self._place("nurture"), Tick(), *map(self._last_word, leads)]

    def _last_word(self, lead: str) -> Verb:
        if self._draw.random() < 0.3:
            return Close(self._id("o"), lead, self._draw.choice(("won", "lost", "disqualified")), now())
        return Act(self._id("a"), lead, self._draw.choice(REPS), "touch", now(), channel="call")

    def _one(self, heard: MutableSequence[Verb], *, rush: bool) -> Verb:
        ways: dict[Callable[[], Verb], float] = {
            lambda: self._place("sales"): 24 if rush else 8,
            lambda: self._act(rush=rush): 40 if rush else 60,
            self._close: 2,
            self._attend: 20,
            lambda: heard.pop() if heard else self._close(): 6,
            lambda: Tick(limit=self._draw.choice((1, 20, 500))): 1,
            lambda: self._draw.choice(self._deck.installs): 100 / INSTALL_EVERY,
        }
        return self._draw.choices(list(ways), list(ways.values()))[0]()

    def _id(self, letter: str) -> str:
        self._said += 1
        return f"{letter}-{self._number}-{self._said}"

    def _lead(self) -> str:
        return f"L-{self._draw.randrange(self._leads)}"

    def _place(self, to: Literal["sales", "nurture"]) -> Place:
        if to == "sales":
            lead = self._lead()
            route = self._draw.choices(ROUTES, (4, 3, 2, 1))[0]
        else:
            lead, route = f"N-{self._number}", NURTURE
        late = self._draw.choice((0, 5, 20, 100, 100, 700, 3_000)) if self._draw.random() < 0.3 else 2
        place = self._deck.templates[kind_of(lead, route)]
        return place.deal(self._id("s"), lead, now(), min(late, 2), late)

    def _act(self, *, rush: bool) -> Act:
        """Mostly of an offer that may still stand; else of an old one, of another's, or of a lead that waits."""
        how = self._draw.random()
        if how < 0.7 and self._offers:
            offer = self._offers.pop()
            self._old.append(offer)
        elif how < 0.85 and self._old:
            offer = self._draw.choice(self._old)
        elif how < 0.95 and self._waiting:
            action: Action = "accept" if rush or self._draw.random() < 0.3 else "touch"
            return Act(self._id("a"), self._waiting.popleft(), self._draw.choice(REPS), action, self._moment())
        else:
            offer = Offer(self._lead(), self._draw.choice((*REPS, "nobody")), self._draw.randrange(3))
        rep = self._draw.choice(REPS) if self._draw.random() < 0.1 else offer.rep
        attempt = None if self._draw.random() < 0.3 else offer.attempt
        actions: tuple[Action, ...] = ("accept", "decline", "touch", "release")
        action = self._draw.choices(actions, (40, 10, 38, 8))[0]
        if action == "accept":
            self._offers.appendleft(offer)  # touched later, it may be
        return Act(self._id("a"), offer.lead, rep, action, self._moment(), attempt, channel="call")

    def _close(self) -> Close:
        lead = self._old[-1].lead if self._old and self._draw.random() < 0.5 else self._lead()
        outcome = self._draw.choice(("won", "lost", "disqualified", "opportunity"))
        return Close(self._id("o"), lead, outcome, self._moment())

    def _attend(self) -> Attend:
        statuses = ("available", "busy", "away", "offline")
        status = self._draw.choices(statuses, (70, 10, 6, 8))[0]
        ttl = self._draw.choice((0, 0, 40, 100, 250, 1_000))
        heartbeat = self._draw.random() < 0.3
        return Attend(self._draw.choice(REPS), status, self._moment(), ttl, heartbeat=heartbeat)  # type: ignore[arg-type]  # one of the four

    def _moment(self) -> int:
        """Return about now; at times news is old, or a clock goes wrong."""
        off = self._draw.choice((0, 0, 0, -5, -40, -2_500, 60_000)) if self._draw.random() < 0.2 else 0
        return now() + off


def now() -> int:
    """Return the present instant by this machine's clock, which the ledger does not trust, in ms."""
    return time.time_ns() // 1_000_000


def _number(lead: str | None) -> int:
    """Return the number that is in a lead's id."""
    return int(lead.partition("-")[2]) if lead else 0
