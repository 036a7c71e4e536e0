"""
Cuts each lead's assignment events into openings: from the first queued or assigned event until touch or close.

A new submission opens a lead again after that. Whether the order of events is
a correct one is judged in `owner`; here a wrong order is only not stumbled over.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.events.assignment import (
    AssignmentEvent,
    LeadAccepted,
    LeadAssigned,
    LeadClosed,
    LeadQueued,
    LeadTouched,
)


@dataclass(frozen=True, slots=True)
class Opening:
    """One stretch of a lead's life under one clock; its events by `sequence`."""

    events: tuple[AssignmentEvent, ...]

    @property
    def lead_id(self) -> str:
        """Return whose opening it is."""
        return self.events[0].lead_id

    @property
    def submission_id(self) -> str:
        """Return the submission that opened it."""
        return self.events[0].submission_id

    @property
    def at(self) -> datetime:
        """Return when the ledger opened it."""
        return self.events[0].at

    @property
    def touch_by(self) -> datetime | None:
        """Return when first contact was due as it was opened; None without a clock."""
        return self.events[0].touch_by

    @property
    def first_attempt(self) -> int:
        """Return the first attempt that belongs to this opening."""
        first = self.events[0]
        return first.attempt if isinstance(first, LeadAssigned) else first.attempt + 1

    @property
    def touched(self) -> LeadTouched | None:
        """Return the touch that ended it."""
        return next((event for event in self.events if isinstance(event, LeadTouched)), None)

    @property
    def closed(self) -> LeadClosed | None:
        """Return the close that ended it, or followed its touch."""
        return next((event for event in self.events if isinstance(event, LeadClosed)), None)

    @property
    def is_open(self) -> bool:
        """Return whether it still waits for its first contact."""
        return self.touched is None and self.closed is None

    @property
    def holder(self) -> AssignmentEvent | None:
        """Return the event of the present assignment, assigned or accepted; None while nobody holds the lead."""
        if not self.is_open:
            return None
        last = self.events[-1]
        return last if isinstance(last, LeadAssigned | LeadAccepted) else None

    def held_by(self, rep_id: str) -> bool:
        """Return whether the lead was ever assigned to *rep_id* in this opening."""
        return any(isinstance(event, LeadAssigned) and event.rep_id == rep_id for event in self.events)


def openings(assignments: Iterable[AssignmentEvent]) -> Sequence[Opening]:
    """Return a lead's openings in order; a close of a lead that was never opened is in none."""
    parts: list[list[AssignmentEvent]] = []
    for event in assignments:
        live = bool(parts) and not any(isinstance(each, LeadTouched | LeadClosed) for each in parts[-1])
        if isinstance(event, LeadQueued | LeadAssigned) and not live:
            parts.append([event])
        elif parts:
            parts[-1].append(event)
    return tuple(Opening(tuple(part)) for part in parts)


def from_a_beginning(
    assignments: Sequence[AssignmentEvent], sent_to_sales: Container[str]
) -> Sequence[AssignmentEvent]:
    """
    Leave out the events of an opening whose beginning was not seen.

    * **sent_to_sales** - submissions that were decided for sales within what is known: what they opened is seen whole.
    """
    for place, event in enumerate(assignments):
        if isinstance(event, LeadQueued | LeadAssigned) and event.submission_id in sent_to_sales:
            return assignments[place:]
        if isinstance(event, LeadTouched | LeadClosed):
            return assignments[place + 1 :]
    return ()
