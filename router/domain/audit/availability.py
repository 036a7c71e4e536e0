"""
Promise 4, only the available: whoever got a lead was active, in hours and `available` at that moment.

The topic shows when a rep's status was *told*, not when the ledger learned of it.
So an assignment is a violation only where no presence event could justify it:
where the rep was not available at any moment of the last `grace` before it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from router.domain.audit.observed import Horizon, Observed, Tolerance, Violation
from router.domain.audit.roster import Roster
from router.events.assignment import AssignmentEvent, LeadAccepted, LeadAssigned
from router.events.presence import RepPresence

RETAINED = timedelta(days=7)
Spell = tuple[datetime, datetime]
_INSTANT = timedelta(microseconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sign:
    """
    One word about a rep's presence; `at` is held to when the log took it, where that is known.

    * **told_at** - when the log took it: nobody knew it before.
    """

    at: datetime
    told_at: datetime
    available: bool
    heartbeat: bool
    by_router: bool
    expires: datetime

    def known_at(self, grace: timedelta) -> datetime:
        """Return when the ledger knew of it at the latest; the router's own word it knew at once."""
        return self.at if self.by_router else _plus(self.told_at, grace)


class Presences:
    """What was told of each rep, as far back as an assignment that is to be judged may need it."""

    def __init__(self) -> None:
        self._signs: dict[str, list[Sign]] = defaultdict(list)
        self._spells: dict[str, Sequence[Spell]] = {}
        self._held: set[str] = set()
        self._forgotten: dict[str, datetime] = {}

    def __len__(self) -> int:
        return sum(map(len, self._signs.values()))

    def add(self, observed: Observed, event: RepPresence) -> None:
        """Take in one word about a rep."""
        sign = _sign(observed, event)
        if not sign.available and sign.at <= self._forgotten.get(event.rep_id, sign.at - _INSTANT):
            return  # newer words may have been there before it
        insort(self._signs[event.rep_id], sign, key=_by_age)
        self._spells.pop(event.rep_id, None)

    def discard(self, observed: Observed, event: RepPresence) -> None:
        """Take back what the router has rejected: it told the ledger nothing."""
        with suppress(ValueError):
            self._signs[event.rep_id].remove(_sign(observed, event))
        self._spells.pop(event.rep_id, None)

    def missing(self, rep_id: str | None, at: datetime, horizon: Horizon) -> str | None:
        """Return why the rep cannot have been available at *at*; None where it may have been."""
        name = rep_id or ""
        signs = self._signs.get(name, [])
        if name not in self._spells:
            self._spells[name] = available_spells(signs, horizon.tolerance)
        return _absent(at, signs, self._spells[name], horizon)

    def hold(self, rep_id: str | None) -> None:
        """Forget nothing more of a rep: something is to be judged again."""
        self._held.add(rep_id or "")

    def release(self) -> None:
        """Forget again what is old of any rep: what was to be judged again is on the list once more."""
        self._held.clear()

    def forget(self, before: datetime, grace: timedelta) -> None:
        """Let go of what no assignment from *before* on can need: all but the last word and how long it held."""
        for rep_id, signs in self._signs.items():
            old = bisect_right(signs, before, key=lambda sign: sign.at)
            place, word = next(((place, sign) for place, sign in _that_count(signs, grace) if place < old), (0, None))
            if word is None or old <= 1 or rep_id in self._held:
                continue
            for beat in signs[place + 1 : old]:
                if beat.heartbeat and beat.at <= _plus(word.expires, grace):
                    word = replace(word, expires=max(word.expires, beat.expires))
            self._signs[rep_id] = [word, *signs[old:]]
            self._forgotten[rep_id] = before
            self._spells.pop(rep_id, None)


def unavailable(
    event: LeadAssigned, following: AssignmentEvent | None, presences: Presences, roster: Roster, horizon: Horizon
) -> Violation | None:
    """
    Judge whether the rep of an assignment was there, or took the lead by `accept`.

    * **following** - the next event of the same lead.
    """
    taken = _taken(event, following)
    problem = _not_on_roster(event, roster, taken=taken)
    if problem is None and not taken:
        problem = presences.missing(event.rep_id, event.at, horizon)
    if problem is None:
        return None
    return Violation(4, f"rep {event.rep_id}", f"sequence {event.sequence} gave it lead {event.lead_id}: {problem}")


def _taken(event: LeadAssigned, following: AssignmentEvent | None) -> bool:
    """Return whether the rep took the lead from a queue: assigned and accepted in one state change."""
    return isinstance(following, LeadAccepted) and (following.attempt, following.at) == (event.attempt, event.at)


def _not_on_roster(event: LeadAssigned, roster: Roster, *, taken: bool) -> str | None:
    rep = roster.rep_at(event.rep_id, event.sequence)
    if rep is None:
        return "no policy names the rep"
    if not rep.active:
        return "the rep is not active"
    if not taken and not rep.is_open(event.at):
        return f"outside the rep's hours ({event.at.isoformat()})"
    return None


def _absent(at: datetime, signs: Sequence[Sign], spells: Sequence[Spell], horizon: Horizon) -> str | None:
    tolerance = horizon.tolerance
    if at + RETAINED < horizon.now or _forgotten(at, signs, tolerance):
        return None
    latest = bisect_right(spells, (at, _NEVER)) - 1
    if latest >= 0 and at <= spells[latest][1]:
        return None
    status = _last_word(at, signs)
    return f"the rep was not available then or in the {tolerance.grace.total_seconds():g} s before ({status})"


def _forgotten(at: datetime, signs: Sequence[Sign], tolerance: Tolerance) -> bool:
    """Return whether the word that spoke for the rep may be older than all that is known; younger news may be late."""
    since = tolerance.presence_since
    if since is None:
        return False
    known = at - tolerance.grace
    return known < since or not any(not sign.heartbeat and sign.at <= known for sign in signs)


def available_spells(signs: Sequence[Sign], tolerance: Tolerance) -> Sequence[Spell]:
    """
    Return the widest times in which the ledger may have held a rep available, merged, in order.

    A word to the contrary is known `grace` after it was told, except the router's
    own, which is known at once; where a newer heartbeat may have been there before it,
    it came too late to count. Heartbeats lengthen what holds and begin nothing.
    """
    spells = []
    revoked = _NEVER
    for place, sign in _that_count(signs, tolerance.grace):
        if sign.available:
            held = _plus(_expiry(signs, place, tolerance), tolerance.grace)
            spells.append((sign.at - tolerance.grace, min(held, revoked)))
        else:
            revoked = min(revoked, sign.known_at(tolerance.grace))
    return _merged(reversed(spells))


def _that_count(signs: Sequence[Sign], grace: timedelta) -> Iterator[tuple[int, Sign]]:
    """Give the words with their places, the newest first, without those that a newer heartbeat may have overtaken."""
    beaten = _NEVER
    for place in range(len(signs) - 1, -1, -1):
        sign = signs[place]
        if sign.heartbeat:
            beaten = min(beaten, sign.told_at)
        elif sign.available or sign.by_router or sign.known_at(grace) < beaten:
            yield place, sign


def _expiry(signs: Sequence[Sign], place: int, tolerance: Tolerance) -> datetime:
    """Return how long one word held, with the heartbeats that came while it did; the next word has its own."""
    expires = signs[place].expires
    for later in signs[place + 1 :]:
        if not later.heartbeat or later.at > _plus(expires, tolerance.grace):
            break
        expires = max(expires, later.expires)
    return expires


def _merged(spells: Iterable[Spell]) -> Sequence[Spell]:
    merged: list[Spell] = []
    for start, end in spells:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _last_word(at: datetime, signs: Sequence[Sign]) -> str:
    past = [sign for sign in signs if sign.at <= at]
    if not past:
        return "nothing was told of the rep before"
    told = "heartbeat" if past[-1].heartbeat else "available" if past[-1].available else "not available"
    return f"last told: {told}, {(at - past[-1].at).total_seconds():.3f} s before"


def _by_age(sign: Sign) -> tuple[datetime, bool, bool]:
    """Order by time; of two words of one instant the one that makes the rep available counts as the newer."""
    return sign.at, sign.heartbeat, sign.available


def _sign(observed: Observed, event: RepPresence) -> Sign:
    at = event.at if observed.written_at is None else min(event.at, observed.written_at)
    return Sign(
        at=at,
        told_at=max(at, observed.written_at or at),
        available=event.status == "available",
        heartbeat=event.heartbeat,
        by_router=event.source == "router",
        expires=_NEVER if event.ttl_seconds == 0 else _plus(at, timedelta(seconds=event.ttl_seconds)),
    )


def _plus(moment: datetime, by: timedelta) -> datetime:
    return moment + by if moment < _NEVER - by else _NEVER
