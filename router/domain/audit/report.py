"""What an audit says: the violations, and what the history amounts to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from router.domain.audit.counts import Counts, Spread
from router.domain.audit.observed import Violation

MOST_SHOWN = 200
"""Violations kept of one promise for the report; `found` has the whole number."""


@dataclass(frozen=True, slots=True)
class Report:
    """
    What an audit found.

    * **violations** - at most `MOST_SHOWN` of each promise, in the order of promises.
    * **found** - promise -> how many there were in all; empty where everything held.
    * **counts**, **delays** - what the history amounts to.
    * **unjudged** - what could not be judged, and how many of it: `too young`, since it may still be on its way;
      `decided before`, since that may have been before all that was shown.
    """

    violations: tuple[Violation, ...]
    found: Mapping[int, int]
    counts: Counts
    delays: Mapping[str, Spread]
    unjudged: Mapping[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Return whether no promise was seen broken."""
        return not self.found


class Told:
    """The violations that were found so far."""

    def __init__(self) -> None:
        self.found: Counter[int] = Counter()
        self._kept: list[Violation] = []
        self._new: list[Violation] = []

    def add(self, violation: Violation) -> None:
        """Take one in."""
        short = violation.held_short()
        self._new.append(short)
        self.found[violation.promise] += 1
        if self.found[violation.promise] <= MOST_SHOWN:
            self._kept.append(short)

    def take(self) -> Sequence[Violation]:
        """Return all that were not taken before: whoever follows for long takes them now and then."""
        new, self._new = self._new, []
        return new

    def report(self, counts: Counts, delays: Mapping[str, Spread], unjudged: Mapping[str, int]) -> Report:
        """Return everything."""
        violations: Iterable[Violation] = sorted(self._kept, key=lambda violation: violation.promise)
        return Report(tuple(violations), dict(sorted(self.found.items())), counts, delays, unjudged)
