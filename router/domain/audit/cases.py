"""
What is judged by itself: a submission, a lead, or any other record of an input topic.

A case holds the records about its one thing. It is judged when nothing more is on its
way, again when a clock of its runs out, and is let go once its thing is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from router.domain.audit import clocks, lost, owner, repeats, unheard
from router.domain.audit.clocks import Clock
from router.domain.audit.history import History
from router.domain.audit.observed import Horizon, Violation
from router.domain.audit.openings import Opening, from_a_beginning, openings
from router.domain.audit.owner import State
from router.domain.audit.unheard import People
from router.events.assignment import LeadClosed, LeadTouched

Doubted = Callable[[str, str, Violation], None]


@dataclass(slots=True)
class Known:
    """
    What all cases share.

    * **since** - nothing before this is known; None where all is.
    * **certain** - whether no number of the sequence is missing between two.
    * **doubt** - takes what is a violation only if a submission or a lead was not decided before all that is known:
      `submission` or `lead`, its id, the violation.
    """

    people: People
    since: datetime | None
    certain: Callable[[int, int], bool]
    doubt: Doubted


@dataclass(slots=True, eq=False, kw_only=True)
class Case:
    """
    One thing, and what is known of it.

    * **quiet_at** - when nothing more that belongs to it is on its way; **due_at** - when a clock of its runs out.
    * **queued** - when it is to be looked at, as the auditor has it on its list.
    * **told** - the violations that were told of it.
    """

    history: History = field(default_factory=History)
    quiet_at: datetime | None = None
    due_at: datetime | None = None
    queued: datetime | None = None
    told: set[tuple[int, str, str]] = field(default_factory=set)

    def judge(self, known: Known, horizon: Horizon) -> Iterator[Violation]:
        """Find what is wrong with it."""
        raise NotImplementedError

    @property
    def is_over(self) -> bool:
        """Return whether it can be let go once it was judged."""
        return True


@dataclass(slots=True, eq=False)
class RecordCase(Case):
    """A record that names no submission and no lead, or that nobody can read."""

    def judge(self, known: Known, horizon: Horizon) -> Iterator[Violation]:
        """Find an answer that is missing, or one too many."""
        yield from lost.unreadable_without_dead_letter(self.history, horizon)
        yield from lost.unknown_reps_presence(self.history, horizon, known.people)
        yield from lost.rejected_twice(self.history)


@dataclass(slots=True, eq=False)
class SubmissionCase(Case):
    """
    All records that carry one `submission_id`, with its decisions.

    * **is_repeat** - it was decided before, and forgotten: nothing need follow.
    """

    submission_id: str
    is_repeat: bool = False

    def judge(self, known: Known, horizon: Horizon) -> Iterator[Violation]:
        """Find an answer that is missing, or one too many."""
        yield from lost.rejected_twice(self.history)
        if self.is_repeat:
            return
        unanswered = (
            *lost.unanswered_submissions(self.history, horizon),
            *lost.unreadable_without_dead_letter(self.history, horizon),
        )
        for violation in unanswered:
            if known.since is not None and not self.history.decisions:
                known.doubt("submission", self.submission_id, violation)
            else:
                yield violation
        yield from repeats.decided_twice(self.history)


@dataclass(slots=True, eq=False)
class LeadCase(Case):
    """
    A lead: its decisions, assignments, clocks, notifications, and what was said about it.

    * **past** - what it was before; None where that is not known.
    * **is_new** - nothing at all was before.
    """

    lead_id: str
    past: State | None = field(default_factory=State)
    is_new: bool = True
    ids: set[str] = field(default_factory=set)

    def openings(self, known: Known) -> Sequence[Opening]:
        """Return its openings, as far as they were seen from their beginning."""
        events = self.history.assignments
        return openings(events if self.past is not None else from_a_beginning(events, self._sent_to_sales(known)))

    def _sent_to_sales(self, known: Known) -> set[str]:
        return {
            decisions[0].submission_id
            for decisions in self.history.decisions.values()
            if decisions[0].to == "sales" and (known.since is None or decisions[0].decided_at >= known.since)
        }

    def judge(self, known: Known, horizon: Horizon) -> Iterator[Violation]:
        """Find what is wrong with it."""
        self.history.assignments.sort(key=lambda event: event.sequence)
        events, opened = self.history.assignments, self.openings(known)
        ticking, strays = clocks.clocks(self.history, opened)
        self.due_at = min((due for clock in ticking if (due := _due(clock, horizon)) is not None), default=None)
        yield from lost.unplaced_decisions(self.history, opened, horizon, known.since)
        yield from lost.rejected_twice(self.history)
        yield from owner.broken_ownership(events, self.past, known.certain)
        yield from owner.left_loose(events, horizon)
        if self.is_new:
            yield from clocks.stray_clock_events(strays)
        yield from _clocks_end(ticking, horizon)
        yield from repeats.told_twice(self.history)
        yield from self._unheard(opened, known, horizon)

    def _unheard(self, opened: Sequence[Opening], known: Known, horizon: Horizon) -> Iterator[Violation]:
        if not self.history.decisions and (self.is_new or self.past is None):
            for violation in unheard.about_nobody(self.history, horizon):
                if self.past is None:
                    known.doubt("lead", self.lead_id, violation)
                else:
                    yield violation
            return
        yield from unheard.unheard_actions(self.history, opened, horizon, known.people)
        yield from unheard.unanswered_strangers(self.history, opened, horizon, known.people)
        yield from unheard.unheard_outcomes(self.history, opened, horizon)

    @property
    def is_over(self) -> bool:
        """Return whether nobody has to do anything about it."""
        events = self.history.assignments
        return not events or isinstance(events[-1], LeadTouched | LeadClosed)


def _due(clock: Clock, horizon: Horizon) -> datetime | None:
    """Return when a clock that has not ended must have; None where it has, or nobody can say."""
    if clock.ends or clock.due_at is None or not clock.opening.is_open:
        return None
    due = max(clock.due_at, clock.opening.at) + horizon.tolerance.told
    return due if due > horizon.until else None


def _clocks_end(ticking: Iterable[Clock], horizon: Horizon) -> Iterator[Violation]:
    for clock in ticking:
        yield from clocks.wrong_ends(clock, horizon)
        yield from clocks.untimely_breach(clock, horizon.tolerance)
        yield from clocks.wrong_due_at(clock)
        yield from clocks.wrong_side(clock, horizon.tolerance)
        yield from clocks.wrong_sum(clock, horizon.tolerance)
        yield from clocks.warned_again(clock)
