"""Promise 3, capacity holds: by `sequence`, no assignment takes a rep above what the rep may hold."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from router.domain.audit.lost import gaps
from router.domain.audit.observed import Violation
from router.domain.audit.roster import Roster
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadClosed, LeadTouched, LeadUnassigned


def overloaded(assignments: Sequence[AssignmentEvent], roster: Roster, first: int = 1) -> Iterable[Violation]:
    """Find assignments above capacity; leads held since before a gap in the sequence are not counted against it."""
    after_gap = gaps(assignments, first)
    for event, held in _loads(assignments):
        rep = roster.rep_at(event.rep_id, event.sequence)
        if rep is None or len(held) <= rep.capacity:
            continue
        last_gap = bisect_right(after_gap, event.sequence)
        certain = sum(bisect_right(after_gap, since) == last_gap for since in held.values())
        if certain > rep.capacity:
            problem = f"sequence {event.sequence} gave it lead {event.lead_id}: {certain} held, capacity {rep.capacity}"
            yield Violation(3, f"rep {event.rep_id}", problem)


def max_loads(assignments: Sequence[AssignmentEvent]) -> Mapping[str, int]:
    """Return how many leads each rep held at most."""
    most: Counter[str] = Counter()
    for event, held in _loads(assignments):
        most[event.rep_id or ""] = max(most[event.rep_id or ""], len(held))
    return dict(most)


def _loads(assignments: Sequence[AssignmentEvent]) -> Iterable[tuple[LeadAssigned, Mapping[str, int]]]:
    """Give each assignment with the leads that its rep then holds, and the sequence since when."""
    holder: dict[str, str] = {}
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for event in assignments:
        if isinstance(event, LeadAssigned | LeadUnassigned | LeadTouched | LeadClosed) and event.lead_id in holder:
            held[holder.pop(event.lead_id)].pop(event.lead_id)
        if isinstance(event, LeadAssigned) and event.rep_id is not None:
            holder[event.lead_id] = event.rep_id
            held[event.rep_id][event.lead_id] = event.sequence
            yield event, held[event.rep_id]
