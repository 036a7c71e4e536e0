"""The demo as lines of text, one an event, for where there is no terminal to draw on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from router.demo.story import Story
from router.demo.wording import life, lost
from router.domain.audit.observed import Observed
from router.events.base import parse_instant


def line(seen: Observed, story: Story) -> str | None:
    """
    Return the line of a record that *story* has just taken in; None where it needs none.

    Called with records that are new only. Times are seconds since the start.
    """
    data = seen.data or {}
    match seen.ce_type:
        case "lead.decided.v1":
            return _stamped(story, data["decided_at"], "decided", _decided(story))
        case "lead.assigned.v1":
            return _stamped(story, data["at"], "assigned", _handed(story))
        case "lead.queued.v1":
            return _stamped(story, data["at"], "waiting", f"{_who(story, data)}: nobody who may take it is free")
        case "lead.unassigned.v1":
            told = f"{_who(story, data)}: {story.name(data['rep_id'])} {lost(data['reason'])}"
            return _stamped(story, data["at"], "back", told)
        case "lead.touched.v1":
            return _stamped(story, data["at"], "called", _called(data, story))
        case "sla.breached.v1":
            told = f"{_who(story, data)}: nobody has called within {_minutes(data['target_seconds'])}"
            return _stamped(story, data["at"], "breached", told)
        case "event.rejected.v1":
            return _stamped(story, data["rejected_at"], "unread", f"a form became a dead letter: {data['code']}")
    if seen.topic == "rep-presence":
        who = "the router sets" if data.get("source") == "router" else "now"
        return _stamped(story, data["at"], "presence", f"{story.name(data['rep_id'])}: {who} {data['status']}")
    return None


def _stamped(story: Story, at: str, word: str, told: str) -> str:
    seconds = (parse_instant(at) - story.start).total_seconds()
    return f"{seconds:6.2f} s  {word:<9} {told}"


def _decided(story: Story) -> str:
    row = story.decided[-1]
    tags = f" [{', '.join(row.tags)}]" if row.tags else ""
    return f"{row.stage.upper()} -> {row.to}  {_named(row.who, row.company)}: {row.reason}{tags}"


def _handed(story: Story) -> str:
    row = story.handed[-1]
    attempt = f" (attempt {row.attempt})" if row.attempt > 1 else ""
    others = ", ".join(f"{story.name(rep_id)} {word}" for rep_id, word in row.passed_over)
    return f"{story.name(row.rep_id)} <- {_named(row.who, row.company)}{attempt}: {row.why}" + (
        f"; passed over: {others}" if others else ""
    )


def _called(data: Mapping[str, Any], story: Story) -> str:
    after = parse_instant(data["acted_at"]) - parse_instant(data["submitted_at"])
    return f"{story.name(data['rep_id'])} called {_who(story, data)} {life(after)} min after the form"


def _minutes(seconds: float) -> str:
    return f"{life(timedelta(seconds=seconds))} min"


def _who(story: Story, data: Mapping[str, Any]) -> str:
    return _named(*story.who(data["lead_id"]))


def _named(who: str, company: str) -> str:
    return f"{who}, {company}" if company else who
