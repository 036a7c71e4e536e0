"""
Facts of the ledger to events on the wire.

Deterministic: the same fact gives the same events under the same ids, in
whichever process and however often. So a fact can be published again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from router.domain.candidates import sentence
from router.domain.decision import decision_id
from router.domain.ledger.facts import Fact
from router.events import TOPIC_OF_TYPE
from router.events.assignment import CandidateCode
from router.events.base import from_millis
from router.events.envelope import encode
from router.pipeline.notice import write
from router.ports import Applied, Outgoing

if TYPE_CHECKING:
    from router.pipeline.links import Signer  # a part of the package that only who makes links has installed

ATTACHED = "This person's lead is open already: it goes to the rep who has it."
ERASED = "The person was erased after they had sent this: it goes to nobody."

SHORT = 4_096
"""Bytes; longer lists of candidates are not worth the memory that it takes to remember them."""

Rendered = tuple[str, str, str, Mapping[str, Any]]
"""Type, id, key, data."""


def render(applied: Applied, workspace: str, signer: Signer | None = None) -> list[Outgoing]:
    """
    Return the records that follow from one answer of the ledger, in the order of its facts.

    * **signer** - makes the links of notifications; all processes of a workspace have the same, or none has one.
    """
    out: list[Outgoing] = []
    for fact in orjson.loads(applied.facts):
        if fact["t"] == "decided":
            ce_type, ce_id, key, body = _decided(fact, applied.decision)
        elif fact["t"] == "notify":
            ce_type, ce_id, key, data = _notify(fact, signer)
            body = orjson.dumps(data)
        else:
            ce_type, ce_id, key, data = RENDER[fact["t"]](fact)
            body = orjson.dumps(data)
        topic = TOPIC_OF_TYPE[ce_type]
        out.append(
            encode(topic, key, ce_type, ce_id, fact["at"], key, body, workspace=workspace, traceparent=applied.trace)
        )
    return out


def name(prefix: str, *parts: object) -> str:
    """
    Make an id that is the same for the same parts.

    >>> name("ntf", "assigned", "L1", 2) == name("ntf", "assigned", "L1", 2)
    True
    """
    text = "\x00".join(map(str, parts))
    return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _decided(fact: Fact, decision: bytes) -> tuple[str, str, str, bytes]:
    """Return the decision as it was proposed, but for `to`, which only the ledger can settle."""
    if fact["to"] == "attached":
        data = orjson.loads(decision)
        decision = orjson.dumps(data | {"to": "attached", "reasons": [*data["reasons"], ATTACHED]})
    elif fact.get("erased"):
        data = orjson.loads(decision)
        decision = orjson.dumps(data | {"to": "none", "reasons": [*data["reasons"], ERASED]})
    return "lead.decided.v1", decision_id(fact["sub"]), fact["lead"], decision


def _instant(fact: Fact, key: str) -> str | None:
    value = fact.get(key)
    return None if value is None else from_millis(value)


def _assignment(fact: Fact) -> Rendered:
    data: dict[str, Any] = {
        "lead_id": fact["lead"],
        "submission_id": fact["sub"],
        "sequence": fact["seq"],
        "attempt": fact["attempt"],
        "rep_id": fact.get("rep"),
        "route": fact.get("route"),
        "step": fact.get("step"),
        "pool": fact.get("pool"),
        "reason": fact.get("reason"),
        "at": from_millis(fact["at"]),
        "submitted_at": from_millis(fact["submitted"]),
        "touch_by": _instant(fact, "touch_by"),
        "accept_by": _instant(fact, "accept_by"),
        "policy_version": fact["policy"],
    }
    if fact["t"] == "assigned":
        told = orjson.dumps(fact["cands"])
        data["candidates"] = _candidates(told) if len(told) <= SHORT else [_candidate(*one) for one in fact["cands"]]
        data["considered"] = fact["considered"]
    if "acted" in fact:
        data["acted_at"] = from_millis(fact["acted"])
    if fact["t"] == "touched":
        data["channel"] = fact.get("channel")
    return f"lead.{fact['t']}.v1", f"asg_{fact['seq']}", fact["lead"], data


@lru_cache(maxsize=1_000)
def _candidates(told: bytes) -> orjson.Fragment:
    """Return what candidates, as a fact has them, are on the wire: leads that come together mostly have the same."""
    return orjson.Fragment(orjson.dumps([_candidate(rep, code) for rep, code in orjson.loads(told)]))


@lru_cache(maxsize=100_000)
def _candidate(rep: str, code: CandidateCode) -> orjson.Fragment:
    row = {"rep_id": rep, "eligible": code == "eligible", "code": code, "reason": sentence(code, rep)}
    return orjson.Fragment(orjson.dumps(row))


def _sla(fact: Fact) -> Rendered:
    breakdown = _breakdown(fact)
    data: dict[str, Any] = {
        "lead_id": fact["lead"],
        "submission_id": fact["sub"],
        "target": fact["target"],
        "target_seconds": fact["first_touch"] / 1000,
        "submitted_at": from_millis(fact["submitted"]),
        "due_at": from_millis(fact["due"]),
        "at": from_millis(fact["at"]),
        "elapsed_seconds": sum(breakdown.values()) / 1000,
        "rep_id": fact.get("rep"),
        "attempt": fact["attempt"],
        "breakdown": {part: millis / 1000 for part, millis in breakdown.items()},
    }
    data |= {extra: fact[extra] for extra in ("threshold", "in_time") if extra in fact}
    if "open" in fact:
        data["open_seconds"] = fact["open"] / 1000
    kind = fact["t"]
    ce_id = name("sla", kind, fact["lead"], fact["sub"], fact.get("threshold", ""))
    return f"sla.{kind}.v1", ce_id, fact["lead"], data


def _breakdown(fact: Fact) -> dict[str, int]:
    """
    Share the time between submission and end out to the stations of the way, in ms.

    Each instant is held to at least the one before, also where the ledger's clock
    was set back meanwhile; all spells without a rep are `queue`; what is left is
    `touch`.
    """
    received = max(fact["received"], fact["submitted"])
    decided = max(fact["decided"], received)
    left = max(0, fact["end"] - decided)
    queue = min(max(0, fact["queue"]), left)
    accept = min(max(0, fact["accept"]), left - queue)
    return {
        "ingest": received - fact["submitted"],
        "decide": decided - received,
        "queue": queue,
        "accept": accept,
        "touch": left - queue - accept,
    }


def _notify(fact: Fact, signer: Signer | None) -> Rendered:
    card = orjson.loads(fact["card"])
    told = (fact["kind"], fact["role"], fact["to"], fact["lead"], fact["attempt"], fact["about"], fact.get("sub", ""))
    ce_id = name("ntf", *told)
    title, text = write(fact["kind"], card, _instant(fact, "touch_by"), fact["about"])
    data = {
        "notification_id": ce_id,
        "kind": fact["kind"],
        "recipient": {"type": fact["role"], "id": fact["to"]},
        "lead_id": fact["lead"],
        "attempt": fact["attempt"],
        "touch_by": _instant(fact, "touch_by"),
        "title": title,
        "text": text,
        "lead": orjson.Fragment(fact["card"]),
        "links": None if signer is None else signer.of(fact),
    }
    return "notification.requested.v1", ce_id, fact["to"], data


def _presence(fact: Fact) -> Rendered:
    at = from_millis(fact["at"])
    data = {"rep_id": fact["rep"], "status": fact["status"], "at": at, "ttl_seconds": 0, "source": "router"}
    return "rep.presence.v1", name("pre", fact["rep"], at), fact["rep"], data


RENDER: Mapping[str, Callable[[Fact], Rendered]] = {
    **dict.fromkeys(("queued", "assigned", "accepted", "unassigned", "touched", "closed"), _assignment),
    **dict.fromkeys(("warned", "breached", "met", "resolved", "cancelled"), _sla),
    "presence": _presence,
}
