"""A few events as the topics would carry them, for the tests of what the demo shows and reports."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from router.domain.audit import Observed
from router.events.base import rfc3339

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
_OFFSETS = itertools.count()


def at(seconds: float) -> str:
    """Return a moment of the story on the wire."""
    return rfc3339(START + timedelta(seconds=seconds))


def record(topic: str, data: Mapping[str, Any], ce_type: str | None = None, ce_id: str | None = None) -> Observed:
    """Return one record of *topic*."""
    return Observed(topic, 0, next(_OFFSETS), ce_type, ce_id, data)


def present(rep_id: str, seconds: float, status: str = "available", **more: object) -> Observed:
    """Return what a rep tells of themselves."""
    return record("rep-presence", {"rep_id": rep_id, "status": status, "at": at(seconds), "ttl_seconds": 0, **more})


def form(number: int, seconds: float, **said: object) -> Observed:
    """Return a submission."""
    data = {"submission_id": f"web-{number}", "submitted_at": at(seconds), "form": "demo-request", **said}
    return record("form-submissions", {"email": f"person{number}@kestrel.example", **data})


def decided(number: int, seconds: float, **changed: object) -> Observed:
    """Return the decision of a submission: an SQL for sales unless *changed*."""
    data: dict[str, Any] = {
        "decision_id": f"dec-{number}",
        "submission_id": f"web-{number}",
        "lead_id": f"lead-{number}",
        "stage": "sql",
        "route": "mid-market",
        "to": "sales",
        "tags": ["decision-maker"],
        "priority": 15,
        "sla": "five-minutes",
        "touch_by": at(seconds + 5),
        "fit": {"score": 90, "icp": True, "segment": "mid-market", "rules": []},
        "intent": {"level": "high", "action": "demo_request"},
        "engagement": {"score": 0.0, "threshold": 50},
        "enrichment": {"status": "matched", "source": "companies.csv", "fields": {"name": "Kestrel HVAC"}},
        "policy_version": "1",
        "submitted_at": at(seconds),
        "received_at": at(seconds),
        "decided_at": at(seconds),
        "reasons": ["Asked for a demo", "Fit 90 of 100, an ideal customer (size +90)", "SQL: decides, and fits"],
        "unknown": [],
        "test": False,
        **changed,
    }
    return record("lead-decisions", data, "lead.decided.v1", f"dec-{number}")


def assignment(kind: str, number: int, sequence: int, seconds: float, **changed: object) -> Observed:
    """Return an event of `lead-assignments` about the lead that was submitted at 0."""
    data: dict[str, Any] = {
        "lead_id": f"lead-{number}",
        "submission_id": f"web-{number}",
        "sequence": sequence,
        "attempt": 1,
        "rep_id": "priya",
        "route": "mid-market",
        "step": 1,
        "pool": "mid-market",
        "reason": None,
        "at": at(seconds),
        "submitted_at": at(0),
        "touch_by": at(5),
        "accept_by": at(seconds + 1),
        "policy_version": "1",
        **changed,
    }
    if kind == "assigned":
        data = {"candidates": CANDIDATES, "considered": len(CANDIDATES), **data}
    if kind in {"accepted", "touched"}:
        data = {"acted_at": at(seconds), **data}
    return record("lead-assignments", data, f"lead.{kind}.v1", f"asg-{sequence}")


def clock_turned(kind: str, number: int, seconds: float) -> Observed:
    """Return an event of `sla-events` about the clock that began at 0."""
    breakdown = {"ingest": 0.0, "decide": 0.0, "queue": 0.0, "accept": 0.0, "touch": seconds}
    data = {
        "lead_id": f"lead-{number}",
        "submission_id": f"web-{number}",
        "target": "five-minutes",
        "target_seconds": 5.0,
        "submitted_at": at(0),
        "due_at": at(5),
        "at": at(seconds),
        "elapsed_seconds": seconds,
        "rep_id": "priya",
        "attempt": 1,
        "breakdown": breakdown,
    }
    return record("sla-events", data, f"sla.{kind}.v1", f"sla-{kind}-{number}")


def rejected(offset: int, seconds: float) -> Observed:
    """Return the dead letter of a submission."""
    data = {
        "source_topic": "form-submissions",
        "source_partition": 0,
        "source_offset": offset,
        "code": "schema",
        "detail": "no address",
        "headers": {},
        "value_base64": None,
        "rejected_at": at(seconds),
    }
    return record("dead-letters", data, "event.rejected.v1", f"dead-{offset}")


CANDIDATES: Sequence[Mapping[str, object]] = (
    {"rep_id": "priya", "eligible": True, "code": "eligible", "reason": "priya can take the lead now"},
    {"rep_id": "luc", "eligible": False, "code": "at_capacity", "reason": "luc holds as many leads as they can"},
    {"rep_id": "jonas", "eligible": False, "code": "away", "reason": "jonas is away"},
)


def one_lead() -> list[Observed]:
    """Return the story of one lead that is called in time, 90 s of real life after the form."""
    return [
        present("priya", 0),
        form(1, 0, first_name="Jamie", last_name="Tran"),
        decided(1, 0),
        assignment("assigned", 1, 1, 0.02),
        assignment("accepted", 1, 2, 0.3, accept_by=None),
        assignment("touched", 1, 3, 1.5, channel="call"),
        clock_turned("met", 1, 1.5),
    ]
