"""Up to when everything has had its effect and stands on the log: what was before that and is missing, is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from router.adapters.redis.standing import Standing
from router.bootstrap import Outlook
from router.events import INPUT_TOPICS
from router.ports import Lag

OVERDUE = timedelta(seconds=2)
PUBLISHED_WITHIN = 15.0  # seconds: a worker takes up to ten to find that a publisher has died, and then one
LOOKS_AGAIN = 0.2
BACKLOG = timedelta(minutes=5)
"""How much older than its entry in the outbox a cause counts as, where nobody publishes that entry."""

UNPUBLISHED = "entries of the outbox that are not published"


@dataclass(frozen=True, slots=True)
class Settled:
    """
    How far things are.

    * **until** - what was before this has had its effect, and what followed from it is on the log or in the outbox.
    * **waiting** - what has not, or is not on the log yet: in words, and how many.
    """

    until: datetime
    standing: Standing
    lags: tuple[Lag, ...]
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_published(self) -> bool:
        """Return whether what followed is on the log."""
        return UNPUBLISHED not in self.waiting

    @property
    def likely(self) -> datetime:
        """Return up to when all is likely to be on the log; no fact from before that is in the outbox for certain."""
        since = self.standing.outbox_since
        return self.until if since is None else min(self.until, since)


async def settled(place: Outlook, now: datetime, overdue: timedelta = OVERDUE) -> Settled:
    """
    Find up to when everything is settled; raises `DependencyDown`.

    In this order, and before the log is read: an input is committed only when what follows from it is on the log or
    in the outbox, and it leaves the outbox only when it is on the log. The date of an entry tells when it was settled,
    and what led to it may be as old as any backlog: so nothing may be judged before the outbox has passed.
    """
    lags = tuple(await place.book.lags(place.group(""), sorted(INPUT_TOPICS)))
    standing = await place.standing.now(now - overdue)
    until, waiting = min(now, standing.at), {}
    if since := [lag.since for lag in lags if lag.since is not None]:
        until = min(until, *since)
        waiting["records that no worker has taken to their end"] = sum(lag.count for lag in lags)
    if standing.outbox_since is not None:
        waiting[UNPUBLISHED] = standing.outbox
    late = [due for due in (standing.timer_due, standing.duty_due) if due is not None and due < standing.at]
    until = min(until, *late, until)
    if any(due < standing.at - overdue for due in late):
        waiting["timers that are due"] = max(1, standing.timers_overdue)
    return Settled(until, standing, lags, waiting)


async def published(place: Outlook, reading: Settled, within: float = PUBLISHED_WITHIN) -> Settled:
    """
    Wait until all is on the log that stood in the outbox at *reading*, and return it as it is then.

    Where nobody publishes that, leave out all that may have led to it. Raises `DependencyDown`.
    """
    clock = asyncio.get_running_loop().time
    since, ends = reading.standing.outbox_since, clock() + within
    if since is None:
        return reading
    latest = reading.standing
    while not _has_passed(reading, latest) and clock() < ends:
        await asyncio.sleep(LOOKS_AGAIN)
        latest = await place.standing.now()
    if not _has_passed(reading, latest):
        return replace(reading, until=min(reading.until, since - BACKLOG))
    return replace(reading, waiting={what: count for what, count in reading.waiting.items() if what != UNPUBLISHED})


@dataclass(slots=True)
class Passage:
    """Follows the outbox from one reading to the next; under load it is never empty, and yet each entry leaves it."""

    _until: datetime | None = None
    _awaited: Settled | None = None

    def after(self, reading: Settled) -> datetime | None:
        """Return up to when all is on the log, now that *reading* was taken; None where that is not known yet."""
        if reading.is_published:
            self._until, self._awaited = reading.until, None
        elif self._awaited is None:
            self._awaited = reading
        elif _has_passed(self._awaited, reading.standing):
            self._until, self._awaited = self._awaited.until, reading
        return self._until


def _has_passed(reading: Settled, later: Standing) -> bool:
    """Return whether nothing is left in the outbox of what stood there at *reading*."""
    return later.outbox_since is None or later.outbox_since > reading.standing.at
