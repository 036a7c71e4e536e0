"""
How a lead's story says things in a terminal: what became of an attempt, spans, instants in UTC.

Ids come from outside and are shown without what a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

TURNS: Mapping[str, str] = {
    "accepted": "accepted by {by}",
    "touched": "touched by {by}: first contact made",
    "declined": "declined by {by}",
    "released": "released by {by}",
    "accept_timeout": "missed: {rep} did not accept in time",
    "rep_unavailable": "taken back: {rep} went away",
    "breached": "taken back: {rep} had not called when the time was up",
    "abandoned": "closed as abandoned",
    "erased": "closed as erased",
}
ENDED: Mapping[str, str] = {
    "assigned": "then {by} took over",
    "touched": "then {by} made contact",
    "closed": "then it was closed",
}


def shown(text: object) -> str:
    r"""
    Return *text* with each character that is no sign to be read replaced.

    >>> shown("web-1\x1b[2J") == "web-1\ufffd[2J"
    True
    """
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(text))


def span(seconds: float) -> str:
    """
    Write a length of time as a person says it.

    >>> span(0.017), span(12.4), span(302), span(7_260), span(200_000)
    ('17 ms', '12.4 s', '5 min 2 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    for size, name, part, rest in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            left = whole % size // part
            return f"{whole // size} {name}" + (f" {left} {rest}" if left else "")
    return f"{whole} s"


def when(moment: datetime) -> str:
    """Write an instant to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def ago(moment: datetime, now: datetime) -> str:
    """Say how long before *now* an instant was, or how long after it will be."""
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"
