"""What an audit came to, in lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from router.domain.audit import Spread
from router.entrypoints.audit.run import Outcome
from router.events.base import rfc3339

PROMISES: Mapping[int, str] = {
    1: "nothing is lost",
    2: "one owner",
    3: "capacity holds",
    4: "only the available",
    5: "every clock ends",
    7: "repeats are harmless",
}
"""What the topics show; 6 and 9 the watchdog looks at, 8 and 10 only tests can."""

_DELAYS: Mapping[str, str] = {
    "submitted_to_decided": "form to decision",
    "submitted_to_placed": "form to queue or rep",
    "submitted_to_assigned": "form to first rep",
    "received_to_assigned": "receipt to first rep",
}


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the report for a program; durations are seconds."""
    report, counts = outcome.report, outcome.report.counts
    return {
        "holds": report.holds,
        "promises": list(PROMISES),
        "found": {str(promise): count for promise, count in report.found.items()},
        "violations": [
            {"promise": each.promise, "subject": each.subject, "problem": each.problem} for each in report.violations
        ],
        "since": None if outcome.since is None else rfc3339(outcome.since),
        "until": rfc3339(outcome.until),
        "read_at": rfc3339(outcome.read_at),
        "records": outcome.records,
        "counts": {
            "inputs": dict(counts.records),
            "submissions": counts.submissions,
            "tests": counts.tests,
            "to": dict(counts.by_to),
            "stages": dict(counts.by_stage),
            "assignments": dict(counts.assignments),
            "attempts": {str(times): leads for times, leads in counts.attempts.items()},
            "clocks": dict(counts.clocks),
            "notifications": dict(counts.notifications),
            "dead_letters": dict(counts.dead_letters),
            "max_load": dict(counts.max_load),
        },
        "seconds": {name: _seconds(spread) for name, spread in report.delays.items()},
        "waiting": dict(outcome.waiting),
        "not_judged": list(outcome.notes),
    }


def _seconds(spread: Spread) -> Mapping[str, float]:
    return {
        "count": spread.count,
        "p50": spread.p50.total_seconds(),
        "p99": spread.p99.total_seconds(),
        "longest": spread.longest.total_seconds(),
    }


def lines(outcome: Outcome) -> Iterable[str]:
    """Return the report for people."""
    report, counts = outcome.report, outcome.report.counts
    since = "the beginning" if outcome.since is None else _moment(outcome.since)
    yield f"{outcome.records:,} records from {since} to {_moment(outcome.until)}"
    yield ""
    yield f"submissions    {counts.submissions:,}, and {counts.tests:,} tests decided"
    yield f"went to        {_listed(counts.by_to)}"
    yield f"assignments    {_listed(counts.assignments)}"
    yield f"clocks         {_listed(counts.clocks)}"
    yield f"dead letters   {_listed(counts.dead_letters)}"
    yield from _delays(report.delays)
    yield ""
    if report.holds:
        kept = ", ".join(f"{promise} {words}" for promise, words in PROMISES.items())
        yield f"Every promise was kept, as far as the topics show: {kept}."
    else:
        for promise, count in report.found.items():
            yield f"Promise {promise} ({PROMISES.get(promise, '')}) was broken {count:,} times:"
            yield from (f"  {each.subject}: {each.problem}" for each in report.violations if each.promise == promise)
            if (shown := sum(each.promise == promise for each in report.violations)) < count:
                yield f"  and {count - shown:,} more"
    for what, count in outcome.waiting.items():
        yield f"not judged yet: {count:,} {what}; the oldest is of {_moment(outcome.until)}"
    for note in outcome.notes:
        yield f"not judged: {note}"


def _delays(delays: Mapping[str, Spread]) -> Iterable[str]:
    known = [(words, delays[name]) for name, words in _DELAYS.items() if name in delays]
    if known:
        yield ""
        yield f"{'':24}{'count':>10}{'p50':>12}{'p99':>12}{'longest':>12}"
    for words, spread in known:
        yield f"{words:24}{spread.count:>10,}{_span(spread.p50):>12}{_span(spread.p99):>12}{_span(spread.longest):>12}"


def _span(delay: timedelta) -> str:
    """
    Write a delay.

    >>> _span(timedelta(milliseconds=12)), _span(timedelta(seconds=90))
    ('12 ms', '90.0 s')
    """
    seconds = delay.total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:,.1f} s"


def _moment(at: datetime) -> str:
    return rfc3339(at)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items()) or "none"
