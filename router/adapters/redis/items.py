"""
Verbs as the ledger's function takes them: five arguments each.

What it need not look into goes as text of its own, so that it is passed on and
never read: the decision, the card, and what the lead keeps of its submission.
"""

from __future__ import annotations

import orjson

from router.domain.ledger.verbs import Place, Step, Verb

Arguments = tuple[bytes, bytes, bytes, bytes, bytes]
"""The item; what the lead keeps; the decision; the card, and the card as a JSON string."""


def arguments(verb: Verb) -> Arguments:
    """Return the arguments of one verb."""
    if not isinstance(verb, Place):
        return orjson.dumps(verb), b"", b"", b"", b""
    item = {
        "verb": verb.verb,
        "submission_id": verb.submission_id,
        "lead_id": verb.lead_id,
        "to": verb.to,
        "sticky_account": verb.sticky_account,
        "trace": verb.trace,
    }
    card = verb.card.encode()
    return orjson.dumps(item), _brought(verb), verb.decision.encode(), card, orjson.dumps(verb.card)


def _brought(verb: Place) -> bytes:
    """Return what a lead keeps of the submission that opens it, under the names that it has in `lua/leads.lua`."""
    values = {
        "sub": verb.submission_id,
        "submitted": verb.submitted_at,
        "received": verb.received_at,
        "decided": verb.decided_at,
        "policy": verb.policy_version,
        "route": verb.route,
        "step_list": verb.steps,
        "stage": verb.stage,
        "priority": verb.priority,
        "escalate_to": verb.escalate_to,
        "considered": verb.considered,
        "company": verb.company,
        "clock": verb.clock,
        "lane": lane(verb.steps),
    }
    return orjson.dumps({name: value for name, value in values.items() if value is not None})


def lane(steps: tuple[Step, ...]) -> str:
    """Name the lane of a lead: its audiences, and whether each can hold the next one back."""
    return ",".join(step.audience + ("-" if step.widen_after is None else "+") for step in steps)
