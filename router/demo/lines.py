"""The demo as lines of text, one an event, for where there is no terminal to draw on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from router.demo.story import Story
from router.demo.wording import life, lost
from router.domain.audit.observed import Observed
from router.events.base import parse_instant

Data = Mapping[str, Any]


def line(seen: Observed, story: Story) -> str | None:
    """
    Return the line of a record that *story* has just taken in; None where it needs none.

    Called with records that are new only. Times are seconds since the start.
    """
    ce_type = "rep.presence.v1" if seen.topic == "rep-presence" else seen.ce_type or ""
    if seen.data is None or ce_type not in _LINES:
        return None
    word, when, told = _LINES[ce_type]
    seconds = (parse_instant(seen.data[when]) - story.start).total_seconds()
    return f"{max(seconds, 0.0):6.2f} s  {word:<9} {told(seen.data, story)}"


def _present(data: Data, story: Story) -> str:
    set_so = "is set" if data.get("source") == "router" else "is"
    return f"{story.name(data['rep_id'])} {set_so} {data['status']}"


def _decided(_data: Data, story: Story) -> str:
    row = story.decided[-1]
    tags = f" [{', '.join(row.tags)}]" if row.tags else ""
    return f"{row.stage.upper()} -> {row.to}  {_named(row.who, row.company)}: {row.reason}{tags}"


def _handed(_data: Data, story: Story) -> str:
    row = story.handed[-1]
    attempt = f" (attempt {row.attempt})" if row.attempt > 1 else ""
    others = ", ".join(f"{story.name(rep_id)} {word}" for rep_id, word in row.passed_over)
    told = f"{story.name(row.rep_id)} <- {_named(row.who, row.company)}{attempt}: {row.why}"
    return f"{told}; not {others}" if others else told


def _queued(data: Data, story: Story) -> str:
    return f"{_who(data, story)}: nobody who may take it is free"


def _back(data: Data, story: Story) -> str:
    return f"{_who(data, story)}: {story.name(data['rep_id'])} {lost(data['reason'])}"


def _called(data: Data, story: Story) -> str:
    after = parse_instant(data["acted_at"]) - parse_instant(data["submitted_at"])
    return f"{_who(data, story)}: {story.name(data['rep_id'])} calls {life(after)} min after the form"


def _breached(data: Data, story: Story) -> str:
    target = life(timedelta(seconds=data["target_seconds"]))
    return f"{_who(data, story)}: nobody has called within {target} min"


def _unread(data: Data, _story: Story) -> str:
    return f"a form that cannot be read is now a dead letter: {data['code']}"


def _who(data: Data, story: Story) -> str:
    return _named(*story.who(data["lead_id"]))


def _named(who: str, company: str) -> str:
    return f"{who}, {company}" if company else who


_LINES: Mapping[str, tuple[str, str, Callable[[Data, Story], str]]] = {
    "rep.presence.v1": ("presence", "at", _present),
    "lead.decided.v1": ("decided", "decided_at", _decided),
    "lead.assigned.v1": ("assigned", "at", _handed),
    "lead.queued.v1": ("waiting", "at", _queued),
    "lead.unassigned.v1": ("back", "at", _back),
    "lead.touched.v1": ("called", "at", _called),
    "sla.breached.v1": ("breached", "at", _breached),
    "event.rejected.v1": ("unread", "rejected_at", _unread),
}
"""Type -> word of the line, field that tells when, what is told."""
