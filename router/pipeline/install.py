"""A policy as the ledger takes it: reps, pools, limits, and the coming days of each calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from router.domain.calendar import Calendar
from router.domain.ledger.verbs import Edge, Install, Seat
from router.domain.policy import Policy
from router.domain.routing import Audience, again
from router.events.base import to_millis
from router.pipeline.verbs import audience
from router.policy.version import canonical

HORIZON = timedelta(days=14)


def install(policy: Policy, known: Sequence[Audience], now: datetime, *, renews: str | None = None) -> Install:
    """
    Return the verb that puts *policy* in force; *known* are the audiences that the ledger has, under any policy.

    With *renews* only its calendars go on, where the policy of that version is in force still.
    """
    version = policy.version if renews is None else renews
    return Install(
        version=version,
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
        audiences=tuple(audience(again(one, policy), version) for one in known),
        policy=canonical(policy) if renews is None else "",
        renew=renews is not None,
    )


def edges(calendar: Calendar, now: datetime) -> tuple[Edge, ...]:
    """Return each instant at which the calendar's state or day changes, from the last midnight on, over 14 days."""
    midnights = calendar.midnights(now - timedelta(days=2), now + HORIZON)
    start = max((at for at in midnights if at <= now), default=now)
    # Without its holidays too: a rep is on holiday only while they would be working.
    usual = replace(calendar, country=None, subdivision=None, extra=frozenset())
    spans = (*calendar.openings(start, now + HORIZON), *usual.openings(start, now + HORIZON))
    moments = {start, *(at for at in midnights if at >= start), *(at for span in spans for at in span)}
    return tuple(Edge(to_millis(at), calendar.state(at), at in midnights) for at in sorted(moments))
