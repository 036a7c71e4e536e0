"""A policy as the ledger takes it: reps, pools, limits, and the coming days of each calendar."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from router.domain.calendar import Calendar
from router.domain.ledger.verbs import Edge, Install, Seat
from router.domain.policy import Policy
from router.domain.routing import Audience, again
from router.events.base import to_millis
from router.pipeline.verbs import audience

HORIZON = timedelta(days=14)


def install(policy: Policy, known: Sequence[Audience], now: datetime) -> Install:
    """Return the verb that puts *policy* in force; *known* are the audiences that the ledger has, under any policy."""
    return Install(
        version=policy.version,
        seats=tuple(
            Seat(rep.id, rep.active, rep.capacity, rep.weight, rep.order, rep.calendar, rep.manager)
            for rep in policy.reps.values()
        ),
        pools={pool.name: pool.members for pool in policy.pools.values()},
        calendars={name: edges(calendar, now) for name, calendar in policy.calendars.items()},
        max_attempts=policy.limits.max_attempts,
        misses_before_away=policy.limits.misses_before_away,
        daily_per_rep=policy.limits.daily_per_rep,
        retry_after=policy.limits.retry_after,
        max_age=policy.limits.max_age,
        audiences=tuple(audience(again(one, policy)) for one in known),
    )


def edges(calendar: Calendar, now: datetime) -> tuple[Edge, ...]:
    """Return each instant at which the calendar's state or day changes, from the last midnight on, over 14 days."""
    midnights = calendar.midnights(now - timedelta(days=2), now + HORIZON)
    start = max((at for at in midnights if at <= now), default=now)
    openings = calendar.openings(start, now + HORIZON)
    moments = {start, *(at for at in midnights if at >= start), *(at for span in openings for at in span)}
    return tuple(Edge(to_millis(at), calendar.state(at), at in midnights) for at in sorted(moments))
