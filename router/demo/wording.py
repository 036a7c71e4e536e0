"""
How the demo says things: names, reasons, spans of time, with the scale of the example.

One second of the demo stands for a minute, so that five minutes can be watched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from router.domain.policy import Policy

SCALE = 60
"""Seconds of real life to one second of the demo."""

_TURNS: Mapping[str, str] = {
    "least_loaded": "least loaded",
    "weighted_round_robin": "next in turn",
    "longest_idle": "longest idle",
    "in_order": "first in order",
}
_CODES: Mapping[str, str] = {
    "at_capacity": "full",
    "no_match": "no match",
    "later_step": "later step",
    "already_tried": "tried before",
    "daily_limit": "daily limit",
    "outside_hours": "off hours",
}
_LOST: Mapping[str, str] = {
    "declined": "declined it",
    "accept_timeout": "did not answer",
    "rep_unavailable": "left",
    "breached": "was too late",
    "released": "gave it back",
}


def life(span: timedelta) -> str:
    """
    Write a span of the demo as the minutes and seconds of real life that it stands for.

    >>> life(timedelta(seconds=5)), life(timedelta(milliseconds=2_050)), life(timedelta(seconds=-0.5))
    ('5:00', '2:03', '-0:30')
    """
    seconds = round(span.total_seconds() * SCALE)
    minutes, rest = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else ''}{minutes}:{rest:02d}"


def plain_span(span: timedelta) -> str:
    """
    Write a span as a clock on the wall would have it.

    >>> plain_span(timedelta(milliseconds=17.4)), plain_span(timedelta(seconds=1.3271))
    ('17 ms', '1.3 s')
    """
    seconds = span.total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def person(form: Mapping[str, Any]) -> str:
    """
    Name who sent a form, by what they said.

    >>> person({"first_name": "Jamie", "last_name": "Tran", "email": "j@kestrel.example"})
    'Jamie Tran'
    >>> person({"email": "j@kestrel.example"})
    'j'
    """
    names = [str(form[part]).strip() for part in ("first_name", "last_name") if form.get(part)]
    return " ".join(names) or str(form.get("email") or form.get("phone") or "somebody").strip().partition("@")[0]


def company(form: Mapping[str, Any]) -> str:
    """Name the company of who sent a form, by what they said; empty where they said nothing."""
    return str(form.get("company") or "").strip()


def main_reason(decision: Mapping[str, Any]) -> str:
    """
    Pick the one reason of a decision that tells most: that of its stage, else its fit.

    >>> main_reason({"stage": "sql", "to": "sales", "reasons": ["Asked for a demo", "SQL: decides, and fits"]})
    'decides, and fits'
    """
    reasons: Sequence[str] = decision["reasons"]
    if decision["to"] == "attached":
        return "open already: goes to the rep who has it"
    told = f"{decision['stage']}: "
    for reason in reasons:
        if reason.lower().startswith(told):
            return reason[len(told) :]
    return next((reason.partition(" (")[0] for reason in reasons if reason.startswith("Fit ")), reasons[-1])


def why(assigned: Mapping[str, Any], policy: Policy) -> str:
    """Say why this rep got the lead, from a `lead.assigned.v1`."""
    free = sum(bool(candidate["eligible"]) for candidate in assigned["candidates"])
    if assigned["pool"] is None:
        return "had this person, or this company, before"
    pool = policy.pools.get(assigned["pool"])
    turn = _TURNS.get(pool.strategy, "") if pool is not None else ""
    of = f"{turn} of {free} free" if free > 1 else "the one who is free"
    return f"{of} in {assigned['pool']}" + (f", step {assigned['step']}" if assigned["step"] > 1 else "")


def passed_over(assigned: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """Return each rep who could not take the lead, with the reason in a word."""
    return [(each["rep_id"], code(each["code"])) for each in assigned["candidates"] if not each["eligible"]]


def code(word: str) -> str:
    """
    Say the code of a candidate in a word or two.

    >>> code("at_capacity"), code("away")
    ('full', 'away')
    """
    return _CODES.get(word, word)


def lost(reason: str) -> str:
    """Say how a rep lost a lead."""
    return _LOST.get(reason, reason)
