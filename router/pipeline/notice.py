"""The words of a notification: what happened, who it is about, until when to call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TITLES: Mapping[str, str] = {
    "assigned": "New lead: {who}",
    "reminder": "Still waiting for your answer: {who}",
    "unassigned": "{who} has gone to somebody else",
    "repeat": "{who} has written again",
    "superseded": "{who} is not yours any more",
    "sla_warning": "The time to call {who} is running out",
    "sla_breach": "Nobody has called {who} in time",
    "no_rep_available": "Nobody is there for {who}",
}

WHY_LOST: Mapping[str, str] = {
    "accept_timeout": "It was not accepted in time.",
    "rep_unavailable": "You went away before you accepted it.",
    "breached": "It was not touched in time.",
}


def write(kind: str, card: Mapping[str, Any], touch_by: str | None, about: str) -> tuple[str, str]:
    r"""
    Return title and text of a notification about the lead on *card*.

    >>> write("assigned", {"name": "Ada", "company": "Acme", "phone": "+1555"}, "2026-03-02T14:10:00.000Z", "")
    ('New lead: Ada, Acme', 'Phone: +1555\nFirst contact due by 2026-03-02T14:10:00.000Z.')
    """
    abandoned = about.startswith("abandoned:")
    who = ", ".join(part for part in (card.get("name"), card.get("company")) if part) or "a lead"
    lines = []
    if kind == "unassigned" and about in WHY_LOST:
        lines.append(WHY_LOST[about])
    if abandoned:
        lines.append("The lead is closed: it is older than a lead may become.")
    if card.get("job_title"):
        lines.append(f"Job title: {card['job_title']}")
    lines += [f"{label}: {card[key]}" for key, label in (("phone", "Phone"), ("email", "E-mail")) if card.get(key)]
    if card.get("form"):
        lines.append(f"Form: {card['form']}")
    if card.get("message"):
        lines.append(f"Message: {card['message']}")
    lines += card.get("reasons") or []
    if touch_by is not None and not abandoned and kind not in ("unassigned", "superseded"):
        lines.append(f"First contact due by {touch_by}.")
    title = "Given up, as nobody has called: {who}" if abandoned else TITLES[kind]
    return title.format(who=who), "\n".join(lines)
