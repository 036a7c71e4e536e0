"""Runs all checks over a history and puts what they found together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.domain.audit import availability, capacity, clocks, lost, owner, repeats, unheard
from router.domain.audit.clocks import Clock
from router.domain.audit.counts import Counts, Spread, count, delays
from router.domain.audit.history import History, gather
from router.domain.audit.observed import Horizon, Observed, Tolerance, Violation
from router.domain.audit.openings import Opening, openings
from router.domain.audit.roster import Roster

MOST_SHOWN = 200
"""Violations kept of one promise; `found` has the whole number."""


@dataclass(frozen=True, slots=True)
class Report:
    """
    What an audit found.

    * **violations** - at most `MOST_SHOWN` of each promise, in the order of promises.
    * **found** - promise -> how many there were in all; empty where everything held.
    * **counts**, **delays** - what the history amounts to.
    """

    violations: tuple[Violation, ...]
    found: Mapping[int, int]
    counts: Counts
    delays: Mapping[str, Spread]

    @property
    def holds(self) -> bool:
        """Return whether no promise was seen broken."""
        return not self.found


def audit(
    events: Iterable[Observed],
    roster: Roster,
    *,
    until: datetime,
    strict_end: bool,
    tolerance: Tolerance | None = None,
    topic_prefix: str = "",
) -> Report:
    """
    Judge promises 1 to 5 and 7 by what stands on the topics.

    * **events** - the records of all topics from the beginning, in any order, with any repeats. Where the system
      still runs, read inputs before outputs.
    * **roster** - of every policy that was in force.
    * **until** - the time of reading.
    * **strict_end** - everything should have come to its end: nothing may still be on its way, no clock open.
    * **topic_prefix** - `ROUTER_TOPIC_PREFIX`, which dead letters repeat.

    **Returns** violations and totals. Promises 6, 8, 9 and 10 do not show on the topics alone.
    """
    horizon = Horizon(until, strict_end, tolerance or Tolerance())
    history = gather(events, topic_prefix)
    opened = openings(history.assignments)
    ticking, strays = clocks.clocks(history, opened)
    found: Counter[int] = Counter()
    kept: list[Violation] = []
    for violation in (
        *history.faults,
        *_nothing_lost(history, opened, roster, horizon),
        *owner.broken_ownership(history.assignments),
        *owner.left_loose(history.assignments, horizon),
        *capacity.overloaded(history.assignments, roster),
        *availability.unavailable_assignees(history, roster, horizon),
        *clocks.stray_clock_events(strays),
        *_clocks_end(ticking, horizon),
        *repeats.decided_twice(history),
        *repeats.told_twice(history),
    ):
        found[violation.promise] += 1
        if found[violation.promise] <= MOST_SHOWN:
            kept.append(violation.held_short())
    kept.sort(key=lambda violation: violation.promise)
    return Report(
        violations=tuple(kept),
        found=dict(sorted(found.items())),
        counts=count(history, opened, ticking),
        delays=delays(history, opened),
    )


def _nothing_lost(
    history: History, opened: Mapping[str, Sequence[Opening]], roster: Roster, horizon: Horizon
) -> Iterator[Violation]:
    known = roster.reps.keys() | {event.rep_id for event in history.assignments if event.rep_id is not None}
    active = [rep_id for rep_id, rep in roster.reps.items() if rep.active]
    yield from lost.unanswered_submissions(history, horizon)
    yield from lost.unreadable_without_dead_letter(history, horizon)
    yield from lost.rejected_twice(history)
    yield from lost.unknown_reps_presence(history, horizon, known)
    yield from lost.unplaced_decisions(history, opened, horizon)
    yield from lost.missing_sequences(history, horizon)
    yield from lost.shared_sequences(history)
    yield from unheard.unheard_actions(history, opened, horizon, known)
    yield from unheard.unanswered_strangers(history, opened, horizon, active)
    yield from unheard.unheard_outcomes(history, opened, horizon)


def _clocks_end(ticking: Iterable[Clock], horizon: Horizon) -> Iterator[Violation]:
    for clock in ticking:
        yield from clocks.wrong_ends(clock, horizon)
        yield from clocks.untimely_breach(clock, horizon.tolerance)
        yield from clocks.wrong_due_at(clock)
        yield from clocks.wrong_side(clock, horizon.tolerance)
        yield from clocks.wrong_sum(clock, horizon.tolerance)
        yield from clocks.warned_again(clock)
