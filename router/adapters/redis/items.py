"""
Verbs as the ledger's function takes them: six arguments each.

What it need not read goes as text of its own, so that it is passed on as it is:
the decision, the card, and what the lead keeps of its submission. Where the lead
is sent is the same text for many leads, which is read once a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import orjson

from router.domain.ledger.verbs import Place, Step, Verb
from router.domain.policy import Stage

Arguments = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
"""The item; what the lead keeps of it; its way; the decision; the card, and the card as a JSON string."""


def arguments(verb: Verb) -> Arguments:
    """Return the arguments of one verb."""
    if not isinstance(verb, Place):
        return orjson.dumps(verb), b"", b"", b"", b"", b""
    asked = {
        "verb": verb.verb,
        "lead_id": verb.lead_id,
        "to": verb.to,
        "sticky_account": verb.sticky_account or None,
        "trace": verb.trace,
    }
    kept = {
        "sub": verb.submission_id,
        "submitted": verb.submitted_at,
        "received": verb.received_at,
        "decided": verb.decided_at,
        "company": verb.company,
        "clock": verb.clock,
    }
    brought = _fields(kept)
    way = _way(
        verb.policy_version, verb.route, verb.steps, verb.stage, verb.priority, verb.escalate_to, verb.considered
    )
    item = b"{%b,%b}" % (_fields(asked), brought)
    return item, brought, way, verb.decision.encode(), verb.card.encode(), orjson.dumps(verb.card)


@lru_cache(maxsize=1_000)
def _way(
    policy: str,
    route: str | None,
    steps: tuple[Step, ...],
    stage: Stage,
    priority: int,
    escalate_to: str | None,
    considered: int,
) -> bytes:
    """Return where a lead is sent, under the names that it has in `lua/leads.lua`."""
    values = {
        "policy": policy,
        "route": route,
        "step_list": steps,
        "lane": lane(steps),
        "stage": stage,
        "priority": priority,
        "escalate_to": escalate_to,
        "considered": considered,
    }
    return b"{%b}" % _fields(values)


def lane(steps: tuple[Step, ...]) -> str:
    """Name the lane of a lead: its audiences, and whether each can hold the next one back."""
    return ",".join(step.audience + ("-" if step.widen_after is None else "+") for step in steps)


def _fields(values: Mapping[str, object]) -> bytes:
    """Return what is not None as the inside of a JSON object."""
    return orjson.dumps({name: value for name, value in values.items() if value is not None})[1:-1]
