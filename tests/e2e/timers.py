"""Timers as the topics show them: when each was due, when the ledger fired it, when it stood on the topic."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from router.events.base import rfc3339
from router.ports import Outgoing
from tests.e2e.play import moment
from tests.e2e.scenario import bare
from tests.e2e.witness import Seen

LEADS = 30
OVER = 2.0
"""Seconds in which the leads come."""

FIRST_TOUCH = 4.0
WARN_AT = (0.25, 0.5, 0.75)
ACCEPT_WITHIN = (1.0, 2.0, 3.0)
"""Seconds, of three routes that take turns. Nobody ever does anything, so every timer fires."""

REPS = 30


def write_policy(directory: Path) -> Path:
    """Write a configuration in which leads go from rep to rep and are warned of and breached, and return its folder."""
    forms = [f"form-{number}" for number in range(len(ACCEPT_WITHIN))]
    reps = [f"rep-{number:02}" for number in range(REPS)]
    policy = {
        "forms": {form: {"action": "demo_request", "intent": "high"} for form in forms},
        "fit": {"icp_at": 50, "rules": [{"name": "anybody", "when": "true", "points": 60}]},
        "stages": [{"stage": "iql", "when": "fit.icp"}],
        "reps": [
            {"id": rep, "name": rep, "email": f"{rep}@sales.example", "capacity": LEADS, "manager": "mia"}
            for rep in reps
        ],
        "managers": [{"id": "mia", "name": "Mia", "email": "mia@sales.example"}],
        "pools": {"everyone": {"members": "true", "strategy": "longest_idle"}},
        "routes": [
            {
                "name": form,
                "when": f'form.key == "{form}"',
                "sla": "hot",
                "steps": [{"pool": "everyone", "accept_within": f"{round(within * 1000)}ms"}],
            }
            for form, within in zip(forms, ACCEPT_WITHIN, strict=True)
        ],
        "sla": {
            "hot": {
                "first_touch": f"{round(FIRST_TOUCH * 1000)}ms",
                "warn_at": list(WARN_AT),
                "on_breach": ["notify_manager"],
            }
        },
        "limits": {"max_attempts": REPS, "misses_before_away": 1000},
    }
    directory.mkdir(parents=True)
    (directory / "policy.yaml").write_text(json.dumps(policy, indent=1), encoding="utf-8")  # JSON is YAML
    return directory


def presences() -> list[Outgoing]:
    """Return that all reps are there for as long as it takes."""
    at = rfc3339(moment())
    return [
        bare("rep-presence", {"rep_id": f"rep-{number:02}", "status": "available", "at": at, "ttl_seconds": 0})
        for number in range(REPS)
    ]


def submission(number: int) -> Outgoing:
    """Return a form that is sent now."""
    data = {
        "submission_id": f"lead-{number:02}",
        "submitted_at": rfc3339(moment()),
        "form": f"form-{number % len(ACCEPT_WITHIN)}",
        "email": f"lead-{number:02}@buyer.example",
    }
    return bare("form-submissions", data)


@dataclass(frozen=True, slots=True, order=True)
class Timer:
    """One timer: of which lead, on which attempt or at which threshold, and its instant."""

    due: datetime
    kind: str
    lead: str
    which: float = 0


@dataclass(frozen=True, slots=True)
class Fired:
    """How late it was, in seconds; `applied` is None for what does not tell its time."""

    timer: Timer
    applied: float | None
    told: float


def expected(seen: Sequence[Seen]) -> set[Timer]:
    """
    Return the timers that follow from what was assigned, up to the last due time of a lead.

    A threshold that had passed when the lead came in has no timer.
    """
    assigned = [each.data for each in seen if each.record.ce_type == "lead.assigned.v1"]
    first = {data["lead_id"]: data for data in assigned if data["attempt"] == 1}
    timers = {timer for data in first.values() for timer in _clock(data) if timer.due > _instant(data["at"])}
    end = max(timer.due for timer in timers)
    for data in assigned:
        since, until = _instant(data["at"]), _instant(data["accept_by"])
        half = Timer(since + (until - since) / 2, "reminder", data["lead_id"], data["attempt"])
        miss = Timer(until, "accept_timeout", data["lead_id"], data["attempt"])
        timers |= {timer for timer in (half, miss) if timer.due <= end}
    return timers


def _clock(data: Mapping[str, Any]) -> Iterator[Timer]:
    submitted, lead = _instant(data["submitted_at"]), data["lead_id"]
    for threshold in WARN_AT:
        yield Timer(submitted + timedelta(seconds=threshold * FIRST_TOUCH), "warned", lead, threshold)
    yield Timer(_instant(data["touch_by"]), "breached", lead)


def fired(seen: Sequence[Seen]) -> list[Fired]:
    """Return the timers that were expected and are on the topics, each with how late it was."""
    at = {key: each for each in seen if (key := _key(each)) is not None}
    return [
        Fired(timer, _late(timer, found.data.get("at")), (found.arrived - timer.due).total_seconds())
        for timer in sorted(expected(seen))
        if (found := at.get((timer.kind, timer.lead, timer.which))) is not None
    ]


def _late(timer: Timer, at: str | None) -> float | None:
    return None if at is None else (_instant(at) - timer.due).total_seconds()


def _key(each: Seen) -> tuple[str, str, float] | None:
    data = each.data
    if each.record.topic == "sla-events":
        return each.type, data["lead_id"], data.get("threshold", 0)
    if each.record.topic == "rep-notifications" and data["kind"] == "reminder":
        return "reminder", data["lead_id"], data["attempt"]
    if each.record.ce_type == "lead.unassigned.v1":
        return data["reason"], data["lead_id"], data["attempt"]
    return None


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def spread(values: Sequence[float]) -> str:
    """Say in milliseconds how *values*, in seconds, are spread."""
    return f"{len(values)}: p50 {median(values) * 1000:.0f} ms, max {max(values) * 1000:.0f} ms"
