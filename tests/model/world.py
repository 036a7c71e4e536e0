"""
A small world with a little of everything: what random histories of the ledger are drawn from.

Few reps with little room, few leads, and times that fall together, so that a
short history often gets to where two rules meet.
"""

from __future__ import annotations

from typing import cast

from router.domain.ledger.state import DAY
from router.domain.ledger.verbs import Audience, Edge, Install, Place, Seat, Step

START = 1_772_460_000_000
RETRY, OFFER, WIDEN, TTL, TARGET = 15_000, 10_000, 20_000, 30_000, 40_000

REPS = ("ana", "ben", "cai", "dee")
LEADS = ("L1", "L2", "L3", "L4", "L5")
POOLS = {"inner": ("ana", "ben"), "outer": ("ana", "ben", "cai", "dee"), "rr": ("cai", "dee", "ben"), "one": ("dee",)}
AUDIENCES = (
    Audience("a-inner", "inner", "least_loaded", ("ana", "ben")),
    Audience("a-ana", "inner", "least_loaded", ("ana",), "rep.x", '{"x":1}'),
    Audience("a-outer", "outer", "longest_idle", ("ana", "ben", "cai", "dee")),
    Audience("a-rr", "rr", "weighted_round_robin", ("cai", "dee", "ben")),
    Audience("a-order", "outer", "in_order", ("dee", "cai")),
    Audience("a-one", "one", "in_order", ("dee",)),
)
ROUTES = (
    (Step("a-inner", "inner", OFFER, WIDEN), Step("a-outer", "outer", OFFER)),
    (Step("a-ana", "inner", OFFER), Step("a-rr", "rr", OFFER, 2 * WIDEN), Step("a-one", "one")),
    (Step("a-rr", "rr"),),
    (Step("a-ana", "inner", None, WIDEN), Step("a-one", "one", OFFER, 3 * WIDEN), Step("a-order", "outer")),
    (Step("a-ana", "inner"),),
    (Step("a-one", "one", OFFER),),
)
ON_BREACH = ((), ("notify_manager",), ("notify_manager", "reassign"), ("reassign_always",))
SPANS = (1, OFFER, RETRY, WIDEN, TTL)
"""What time goes forward by: the lengths that rules wait for."""


def calendar(now: int) -> tuple[Edge, ...]:
    """Return a calendar with edges near *now*; its days are a minute long, and it ends soon."""
    return (
        Edge(now - DAY, "outside_hours", midnight=True),
        Edge(now - 1_000, "open"),
        Edge(now + RETRY, "holiday"),
        Edge(now + 2 * RETRY, "open", midnight=True),
        Edge(now + 4 * RETRY, "open", midnight=True),
        Edge(now + 8 * RETRY, "outside_hours"),
    )


def policy(  # noqa: PLR0913 - each is drawn by itself
    version: str,
    now: int,
    capacities: tuple[int, ...],
    weights: tuple[int, ...],
    *,
    gone: str | None,
    inactive: str | None,
    daily: int | None,
    offices: tuple[str, ...],
) -> Install:
    """Return a policy; *gone* is not in it at all, *offices* work by the calendar."""
    seats = tuple(
        Seat(
            rep, rep != inactive, capacities[index], weights[index], index, "office" if rep in offices else None, "mia"
        )
        for index, rep in enumerate(REPS)
        if rep != gone
    )
    pools = {name: tuple(rep for rep in reps if rep != gone) for name, reps in POOLS.items()}
    return Install(version, seats, pools, {"office": calendar(now)}, 3, 2, daily, RETRY, 2 * DAY, AUDIENCES)


def submission(sid: str, lead: str, now: int, **more: object) -> Place:
    """Return a submission that was sent off and decided just now, when the pools of its steps were as they are here."""
    steps = cast("tuple[Step, ...]", more.get("steps", ()))
    values = {
        "submission_id": sid, "lead_id": lead, "to": "sales", "stage": "iql", "submitted_at": now, "received_at": now,
        "decided_at": now, "policy_version": "v", "decision": '{"a":1}', "card": '{"n":"ü"}', "route": "route",
        "escalate_to": "mia", "considered": len({rep for step in steps for rep in POOLS.get(step.pool, ())}),
    }  # fmt: skip
    return Place(**{**values, **more})  # type: ignore[arg-type]  # whatever a submission has
