"""Promise 3, capacity holds: by `sequence`, no assignment takes a rep above what the rep may hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from router.domain.audit.observed import Violation
from router.domain.audit.roster import Roster
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadClosed, LeadTouched, LeadUnassigned


class Loads:
    """Who holds which lead now. Leads held since before a gap in the sequence count for nothing that is judged."""

    def __init__(self) -> None:
        self.most: Counter[str] = Counter()
        self._holder: dict[str, str] = {}
        self._held: dict[str, dict[str, int]] = defaultdict(dict)
        self._gap = 0

    def __len__(self) -> int:
        return len(self._holder)

    def doubt(self, sequence: int) -> None:
        """Count nothing that was held before *sequence*: it may have been given back by an event that is missing."""
        self._gap = sequence

    def follow(self, event: AssignmentEvent) -> int:
        """Take the next event in order; return how many leads its rep certainly holds where it is an assignment."""
        if (
            isinstance(event, LeadAssigned | LeadUnassigned | LeadTouched | LeadClosed)
            and event.lead_id in self._holder
        ):
            holder = self._holder.pop(event.lead_id)
            self._held[holder].pop(event.lead_id)
        if not isinstance(event, LeadAssigned) or event.rep_id is None:
            return 0
        self._holder[event.lead_id] = event.rep_id
        held = self._held[event.rep_id]
        held[event.lead_id] = event.sequence
        self.most[event.rep_id] = max(self.most[event.rep_id], len(held))
        return len(held) if not self._gap else sum(since >= self._gap for since in held.values())


def overloaded(event: LeadAssigned, held: int, roster: Roster) -> Violation | None:
    """Judge an assignment with which its rep holds *held* leads."""
    rep = roster.rep_at(event.rep_id, event.sequence)
    if rep is None or held <= rep.capacity:
        return None
    problem = f"sequence {event.sequence} gave it lead {event.lead_id}: {held} held, capacity {rep.capacity}"
    return Violation(3, f"rep {event.rep_id}", problem)


def max_loads(loads: Loads) -> Mapping[str, int]:
    """Return how many leads each rep held at most."""
    return dict(loads.most)
