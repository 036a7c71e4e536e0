"""What a history amounts to: how many of what, and how long people waited. Nothing is judged here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from router.domain.audit.capacity import max_loads
from router.domain.audit.clocks import Clock
from router.domain.audit.history import History, events_of
from router.domain.audit.openings import Opening
from router.events.assignment import LeadAssigned, LeadQueued
from router.events.submission import FormSubmitted


@dataclass(frozen=True, slots=True)
class Counts:
    """
    Totals of a history, each fact once however often it was published.

    * **records** - input records a topic, repeats among them.
    * **submissions** - different submission ids; **decisions** by `to` and by stage, `test` ones apart.
    * **assignments** - assignment events by kind; **attempts** - how many leads were assigned how often.
    * **clocks** - by how they ended: met, breached, resolved, cancelled, open. A resolved one is breached too.
    * **max_load** - how many leads each rep held at most.
    """

    records: Mapping[str, int]
    submissions: int
    by_to: Mapping[str, int]
    by_stage: Mapping[str, int]
    tests: int
    assignments: Mapping[str, int]
    attempts: Mapping[int, int]
    clocks: Mapping[str, int]
    notifications: Mapping[str, int]
    dead_letters: Mapping[str, int]
    max_load: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Spread:
    """How a set of delays is spread."""

    count: int
    p50: timedelta
    p99: timedelta
    longest: timedelta


def count(history: History, opened: Mapping[str, Sequence[Opening]], clocks: Sequence[Clock]) -> Counts:
    """Add up a history."""
    decisions = [each[0] for each in history.decisions.values()]
    real = [decision for decision in decisions if not decision.test]
    submissions = events_of(history.inputs["form-submissions"], FormSubmitted)
    attempts = Counter(
        sum(isinstance(event, LeadAssigned) for opening in openings for event in opening.events)
        for openings in opened.values()
    )
    return Counts(
        records={topic: len(records) for topic, records in history.inputs.items() if records},
        submissions=len({event.submission_id for _, event in submissions}),
        by_to=_sorted(Counter(str(decision.to) for decision in real)),
        by_stage=_sorted(Counter(str(decision.stage) for decision in real)),
        tests=len(decisions) - len(real),
        assignments=_sorted(
            Counter(type(event).__name__.removeprefix("Lead").lower() for event in history.assignments)
        ),
        attempts=dict(sorted(attempts.items())),
        clocks=_sorted(_clock_ends(clocks)),
        notifications=_sorted(Counter(str(note.kind) for note in history.notifications)),
        dead_letters=_sorted(Counter(str(each.code) for letters in history.rejected.values() for each in letters)),
        max_load=max_loads(history.assignments),
    )


def _sorted(counter: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counter.items()))


def _clock_ends(clocks: Sequence[Clock]) -> Counter[str]:
    ends = Counter(end for clock in clocks for end in clock.ends)
    ends["resolved"] = sum(bool(clock.of("sla.resolved.v1")) for clock in clocks)
    ends["open"] = sum(not clock.ends for clock in clocks)
    return +ends


def delays(history: History, opened: Mapping[str, Sequence[Opening]]) -> Mapping[str, Spread]:
    """
    Return how long it took from form to rep.

    `submitted_to_placed` and `received_to_placed` end where the lead is first queued or
    assigned, `submitted_to_assigned` and `received_to_assigned` where a rep first has it.
    `submitted_to_decided` covers every decision.
    """
    received = {each[0].submission_id: each[0].received_at for each in history.decisions.values()}
    found: dict[str, list[timedelta]] = {
        "submitted_to_decided": [
            each[0].decided_at - each[0].submitted_at for each in history.decisions.values() if not each[0].test
        ]
    }
    for opening in (opening for openings in opened.values() for opening in openings):
        for word, kinds in (("placed", LeadQueued | LeadAssigned), ("assigned", LeadAssigned)):
            first = next((event for event in opening.events if isinstance(event, kinds)), None)
            if first is None:
                continue
            found.setdefault(f"submitted_to_{word}", []).append(first.at - first.submitted_at)
            if opening.submission_id in received:
                found.setdefault(f"received_to_{word}", []).append(first.at - received[opening.submission_id])
    return {name: spread(each) for name, each in sorted(found.items()) if each}


def spread(values: Iterable[timedelta]) -> Spread:
    """
    Return how *values*, of which there is at least one, are spread; percentiles by nearest rank.

    >>> spread(timedelta(seconds=n) for n in (3, 1, 2)).p50
    datetime.timedelta(seconds=2)
    """
    ordered = sorted(values)
    rank = [ordered[max(0, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99)]
    return Spread(len(ordered), rank[0], rank[1], ordered[-1])
