"""The reps, from presences and from what assignments say of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.domain.ledger.state import DAY, STRIDE

Data = Mapping[str, Any]
Turns = Callable[[str, str], int | None]
"""Gives a rep's weight in a pool whose reps take turns by weight; None for any other pool."""

TWO_DAYS = 2 * DAY  # the local day of any rep has begun within


@dataclass(frozen=True, slots=True)
class Presence:
    """What a presence says; `at` and `ttl` in ms. `by_router`: the router set it, after missed offers."""

    status: str
    at: int
    ttl: int
    heartbeat: bool = False
    by_router: bool = False


@dataclass(slots=True)
class Seen:
    """A rep as the topics show one."""

    id: str
    status: str = "offline"
    seen_at: int = 0
    ahead: int = 0
    until: int = 0
    turn: int = 0
    missed: list[int] = field(default_factory=list)  # in a row, when
    set_away_at: int = -1  # by the router
    lately: deque[int] = field(default_factory=deque)  # when leads were assigned, over two days
    passes: dict[str, int] = field(default_factory=dict)

    @property
    def misses(self) -> int:
        """How many offers were missed in a row, since the router last drew the consequence."""
        return sum(at > self.set_away_at for at in self.missed)


class Team:
    """All reps that anything was told of."""

    def __init__(self, turns: Turns) -> None:
        self.reps: dict[str, Seen] = {}
        self.virtual: dict[str, int] = {}  # pool -> pass of the last one served, as in the ledger
        self._turns = turns

    def of(self, name: str) -> Seen:
        """Return a rep, who may be new."""
        if name not in self.reps:
            self.reps[name] = Seen(name)
        return self.reps[name]

    def hears(self, kind: str, data: Data, at: int, holder: str | None) -> None:
        """Take what an assignment says of its rep, in the order of `sequence`; *holder* is who has the lead then."""
        if data["rep_id"] is None:
            return
        rep = self.of(data["rep_id"])
        if kind == "assigned":
            rep.turn = data["sequence"]
            rep.lately.append(at)
            while rep.lately[0] < at - TWO_DAYS:
                rep.lately.popleft()
            self._take_turn(rep, data["pool"])
        elif kind == "accepted" or (kind == "touched" and holder == rep.id):
            rep.missed.clear()
        elif kind == "unassigned" and data["reason"] == "accept_timeout":
            rep.missed.append(at)

    def _take_turn(self, rep: Seen, pool: str | None) -> None:
        """
        Count a turn in a pool whose reps take turns by weight.

        Who was off duty in between has come back level with the pool, who was full has not; the topics do not tell
        them apart, and level is what floods nobody.
        """
        weight = None if pool is None else self._turns(pool, rep.id)
        if pool is None or weight is None:
            return
        own = max(rep.passes.get(pool, 0), self.virtual.get(pool, 0))
        self.virtual[pool] = own
        rep.passes[pool] = own + STRIDE // weight

    def attends(self, name: str, presence: Presence, now: int) -> None:
        """Take a presence that came at *now* (ms), as `router.domain.ledger.model.attend` does."""
        rep = self.of(name)
        if 0 < rep.until <= now:
            rep.status, rep.until = "offline", 0
        at = min(presence.at, now)
        ahead = presence.at - at
        if (at, ahead) <= (rep.seen_at, rep.ahead) and not (presence.by_router and at == rep.seen_at):
            return
        rep.seen_at, rep.ahead = at, ahead
        until = at + presence.ttl if presence.ttl else 0
        if 0 < until <= now:
            if not (presence.heartbeat and rep.status == "offline"):
                rep.status, rep.until = "offline", 0
        elif not presence.heartbeat:
            rep.status, rep.until = presence.status, until
        elif rep.status != "offline":
            rep.until = until
        if presence.by_router and presence.status == "away":
            rep.set_away_at = at
