"""
Puts assignment events in the order of `sequence`, whatever order they come in, and sees which numbers are missing.

It holds back only what waits for a number before it, and no longer than that may be on its way.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from router.domain.audit.memory import Memory
from router.domain.audit.observed import Horizon, Violation
from router.events.assignment import AssignmentEvent


@dataclass(slots=True)
class _Gap:
    """Spans of numbers that did not come before a later one was let through; `told` once it was said."""

    spans: list[tuple[int, int]]
    certain: bool
    told: bool = False

    def fill(self, number: int) -> bool:
        """Take a number out that has come after all; False where it was not missing."""
        for place, (first, last) in enumerate(self.spans):
            if first <= number <= last:
                self.spans[place : place + 1] = [
                    part for part in ((first, number - 1), (number + 1, last)) if part[0] <= part[1]
                ]
                return True
        return False


@dataclass(slots=True)
class Order:
    """
    The order of history.

    * **expected** - the number that comes next; None until the lowest one of a window is known.
    * **after_gap** - for each gap the number after it: what a lead or a load was before is not known for certain.
    """

    expected: int | None = 1
    after_gap: list[int] = field(default_factory=list)
    _waiting: dict[int, AssignmentEvent] = field(default_factory=dict)
    _numbers: list[int] = field(default_factory=list)
    _gaps: list[_Gap] = field(default_factory=list)
    _ids: Memory = field(default_factory=Memory)
    _shared: Counter[int] = field(default_factory=Counter)
    _shared_told: set[int] = field(default_factory=set)

    @classmethod
    def over(cls, expected: int | None, ids: Memory) -> Order:
        """Return an order that begins at *expected* and tells by *ids* which event had a number."""
        return cls(expected, _ids=ids)

    @property
    def held_back(self) -> int:
        """Return how many events wait for a number before them."""
        return len(self._waiting)

    def add(self, ce_id: str, event: AssignmentEvent) -> AssignmentEvent | None:
        """Take an event in; return it where it comes too late for the order and fills a gap."""
        number = event.sequence
        known = self._ids.get(number)
        mine = hash(ce_id) & 0xFFFFFFFF
        if known is not None:
            if known != mine:
                self._shared[number] += 1
            return None
        if self.expected is not None and number < self.expected:
            return event if self._fill(number, mine) else None
        self._ids.put(number, mine)
        self._waiting[number] = event
        heapq.heappush(self._numbers, number)
        return None

    def _fill(self, number: int, ce_id: int) -> bool:
        for gap in self._gaps:
            if gap.fill(number):
                self._ids.put(number, ce_id)
                return True
        return False

    def release(self, horizon: Horizon, *, everything: bool = False) -> Iterator[AssignmentEvent]:
        """Give what is in order now; a number that is still missing when it should have come is passed over."""
        while self._numbers:
            number = self._numbers[0]
            event = self._waiting[number]
            settled = horizon.settled(event.at)
            if number != self.expected and not settled and not everything:
                return
            if self.expected is None:
                self.expected = number
            if number != self.expected:
                self._gaps.append(_Gap([(self.expected, number - 1)], certain=settled))
                self.after_gap.append(number)
            heapq.heappop(self._numbers)
            self.expected = number + 1
            yield self._waiting.pop(number)

    def certain(self, one: int, other: int) -> bool:
        """Return whether no number is missing between two."""
        return bisect_right(self.after_gap, one) == bisect_right(self.after_gap, other)

    def faults(self) -> Iterable[Violation]:
        """Find numbers that no event has, and such as several events have; each is told once."""
        for gap in self._gaps:
            if gap.certain and gap.spans and not gap.told:
                gap.told = True
                yield from map(_missing, gap.spans)
        for number in sorted(self._shared.keys() - self._shared_told):
            self._shared_told.add(number)
            problem = f"sequence {number} is on {self._shared[number] + 1} different events"
            yield Violation(1, "lead-assignments", problem)


def _missing(span: tuple[int, int]) -> Violation:
    first, last = span
    words = str(first) if last == first else f"{first} to {last} ({last - first + 1} events)"
    return Violation(1, "lead-assignments", f"sequence {words} is missing")
