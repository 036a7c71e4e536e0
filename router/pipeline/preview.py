"""
Who could take a lead, asked of the ledger's model: what a worker would do, without a server.

Turns of `weighted_round_robin` are the ledger's memory; here its order is by
longest idle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from router.domain.candidates import Candidate, sentence
from router.domain.ledger import choices, duty, reps
from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead, Ledger
from router.domain.ledger.verbs import Attend, Step
from router.domain.policy import Policy, Route
from router.domain.routing import Audience, audiences
from router.events.assignment import CandidateCode
from router.events.base import to_millis
from router.pipeline.install import install


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rep holds, when they were last assigned a lead, and how many they were assigned today."""

    open: int = 0
    last_assigned_at: datetime | None = None
    assigned_today: int = 0


@dataclass(frozen=True, slots=True)
class Team:
    """
    How the reps stand before the lead comes.

    * **presences** - as they came; whoever sent none is offline.
    * **owners** - who had the person, then who had the company, before.
    """

    presences: Sequence[Attend]
    standings: Mapping[str, Standing]
    owners: Sequence[str] = ()


def candidates(
    route: Route, values: Mapping[str, object], submitted_at: datetime, policy: Policy, team: Team, now: datetime
) -> tuple[Candidate, ...]:
    """
    List who could take a lead that comes in at *now*: those who can, in their order, then the others and why not.

    * **values** - what the decision saw of the lead; the steps' `match` is evaluated over it.
    """
    at = to_millis(now)
    asked = audiences(route, policy, values)
    ledger = _floor(policy, asked, team, now)
    steps = tuple(
        Step(found.id, step.pool, step.accept_within, step.widen_after)
        for step, found in zip(route.steps, asked, strict=True)
    )
    lead = Lead("", steps=steps, submitted=to_millis(submitted_at), owners=tuple(team.owners))
    listed = choices.candidates(ledger, lead, choices.reach(ledger, lead, at), at, shown=len(policy.reps))
    return tuple(
        Candidate(rep, code == "eligible", code, sentence(code, policy.reps[rep].name))
        for rep, code in cast("list[tuple[str, CandidateCode]]", listed)
    )


def _floor(policy: Policy, asked: Sequence[Audience], team: Team, now: datetime) -> Ledger:
    """Return a ledger in which all that *team* tells has happened by *now*."""
    ledger, at = Ledger(), to_millis(now)
    presences = sorted(team.presences, key=lambda one: one.at)
    start = min(at, presences[0].at) if presences else at
    apply(ledger, install(policy, asked, now), start)
    for presence in presences:
        apply(ledger, presence, min(presence.at, at))
    duty.advance(ledger, at)
    for rep_id, standing in team.standings.items():
        rep = ledger.reps[rep_id]
        rep.load, rep.today = standing.open, standing.assigned_today
        rep.day = reps.midnight(ledger, rep, at)
        # Only the order of turns counts, and times have the same.
        rep.turn = to_millis(standing.last_assigned_at) if standing.last_assigned_at is not None else 0
    return ledger
