"""What a history amounts to: how many of what, and how long people waited. Nothing is judged here."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from router.domain.audit.clocks import Clock
from router.domain.audit.history import History
from router.domain.audit.openings import Opening
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadQueued
from router.events.decision import LeadDecided

T = TypeVar("T")

_MICROSECOND = timedelta(microseconds=1)
MOST_DELAYS = 200_000
"""Delays of one kind that are kept exactly; of more, every second one, and so on."""


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


class Delays:
    """Delays of one kind, as many as there are, in bounded room: percentiles of very many are near, not exact."""

    def __init__(self, most: int = MOST_DELAYS) -> None:
        self._most = most
        self._kept = array("q")
        self._every = 1
        self._count = 0
        self._longest = -(1 << 62)

    def add(self, delay: timedelta) -> None:
        """Take one in."""
        micros = delay // _MICROSECOND
        self._count += 1
        self._longest = max(self._longest, micros)
        if self._count % self._every == 0:
            self._kept.append(micros)
            if len(self._kept) >= self._most:
                self._kept = array("q", sorted(self._kept)[::2])
                self._every *= 2

    @property
    def spread(self) -> Spread | None:
        """Return how they are spread; None where there are none."""
        if not self._count:
            return None
        ordered = sorted(self._kept) or [self._longest]
        half, most = (_rank(ordered, share) * _MICROSECOND for share in (0.5, 0.99))
        return Spread(self._count, half, most, self._longest * _MICROSECOND)


@dataclass(slots=True)
class Tally:
    """Adds a history up while it is read."""

    records: Counter[str] = field(default_factory=Counter)
    submissions: int = 0
    by_to: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    tests: int = 0
    assignments: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    notifications: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    delays: dict[str, Delays] = field(default_factory=dict)

    def decided(self, decision: LeadDecided) -> None:
        """Count the decision of a submission."""
        if decision.test:
            self.tests += 1
            return
        self.by_to[str(decision.to)] += 1
        self.by_stage[str(decision.stage)] += 1
        self._waited("submitted_to_decided", decision.decided_at - decision.submitted_at)

    def assigned(self, event: AssignmentEvent) -> None:
        """Count an assignment event."""
        self.assignments[type(event).__name__.removeprefix("Lead").lower()] += 1

    def lead(self, history: History, openings: Sequence[Opening], clocks: Sequence[Clock]) -> None:
        """
        Add up one lead.

        `submitted_to_placed` and `received_to_placed` end where the lead is first queued or
        assigned, `submitted_to_assigned` and `received_to_assigned` where a rep first has it.
        """
        if openings:
            self.attempts[sum(isinstance(event, LeadAssigned) for one in openings for event in one.events)] += 1
        self.clocks.update(_ends(clocks))
        received = {name: each[0].received_at for name, each in history.decisions.items()}
        for opening in openings:
            for word, kinds in (("placed", LeadQueued | LeadAssigned), ("assigned", LeadAssigned)):
                first = next((event for event in opening.events if isinstance(event, kinds)), None)
                if first is None:
                    continue
                self._waited(f"submitted_to_{word}", first.at - first.submitted_at)
                if opening.submission_id in received:
                    self._waited(f"received_to_{word}", first.at - received[opening.submission_id])

    def _waited(self, name: str, delay: timedelta) -> None:
        if name not in self.delays:
            self.delays[name] = Delays()
        self.delays[name].add(delay)

    def counts(self, max_load: Mapping[str, int]) -> Counts:
        """Return the totals."""
        return Counts(
            records=dict(self.records),
            submissions=self.submissions,
            by_to=_sorted(self.by_to),
            by_stage=_sorted(self.by_stage),
            tests=self.tests,
            assignments=_sorted(self.assignments),
            attempts=dict(sorted(self.attempts.items())),
            clocks=_sorted(self.clocks),
            notifications=_sorted(self.notifications),
            dead_letters=_sorted(self.dead_letters),
            max_load=dict(max_load),
        )

    def spreads(self) -> Mapping[str, Spread]:
        """Return the delays, by name."""
        return {name: each.spread for name, each in sorted(self.delays.items()) if each.spread is not None}


def _sorted(counter: Counter[str]) -> Mapping[str, int]:
    return dict(sorted(counter.items()))


def _ends(clocks: Sequence[Clock]) -> Counter[str]:
    ends = Counter(end for clock in clocks for end in clock.ends)
    ends["resolved"] = sum(bool(clock.of("sla.resolved.v1")) for clock in clocks)
    ends["open"] = sum(not clock.ends for clock in clocks)
    return +ends


def spread(values: Iterable[timedelta]) -> Spread:
    """
    Return how *values*, of which there is at least one, are spread; percentiles by nearest rank.

    >>> spread(timedelta(seconds=n) for n in (3, 1, 2)).p50
    datetime.timedelta(seconds=2)
    """
    ordered = sorted(values)
    return Spread(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.99), ordered[-1])


def _rank(ordered: Sequence[T], share: float) -> T:
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
