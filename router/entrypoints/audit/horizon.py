"""Up to when everything has had its effect and stands on the log: what was before that and is missing, is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router.adapters.redis.standing import Standing
from router.bootstrap import Outlook
from router.events import INPUT_TOPICS
from router.ports import Lag

OVERDUE = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Settled:
    """
    How far things are.

    * **until** - what was before this has had its effect, and what followed from it is on the log.
    * **waiting** - what has not: in words, and how many.
    """

    until: datetime
    standing: Standing
    lags: tuple[Lag, ...]
    waiting: Mapping[str, int] = field(default_factory=dict)


async def settled(place: Outlook, now: datetime, overdue: timedelta = OVERDUE) -> Settled:
    """
    Find up to when everything is settled; raises `DependencyDown`.

    In this order, and before the log is read: an input is committed only when what follows from it is on the log or
    in the outbox, and it leaves the outbox only when it is on the log.
    """
    lags = tuple(await place.book.lags(place.group(""), sorted(INPUT_TOPICS)))
    standing = await place.standing.now(now - overdue)
    until, waiting = min(now, standing.at), {}
    if since := [lag.since for lag in lags if lag.since is not None]:
        until = min(until, *since)
        waiting["records that no worker has taken to their end"] = sum(lag.count for lag in lags)
    if standing.outbox_since is not None:
        until = min(until, standing.outbox_since)
        waiting["entries of the outbox that are not published"] = standing.outbox
    late = [due for due in (standing.timer_due, standing.duty_due) if due is not None and due < standing.at]
    until = min(until, *late, until)
    if any(due < standing.at - overdue for due in late):
        waiting["timers that are due"] = max(1, standing.timers_overdue)
    return Settled(until, standing, lags, waiting)
