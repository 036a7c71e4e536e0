"""
Promise 1, nothing is lost: what came in had an effect or one dead letter.

What reps and CRMs said about a lead is in `unheard`, the numbers of the sequence in `order`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from router.domain.audit.history import History, Record, events_of
from router.domain.audit.observed import Horizon, Violation, written
from router.domain.audit.openings import Opening
from router.domain.audit.unheard import People
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted


def unanswered_submissions(history: History, horizon: Horizon) -> Iterable[Violation]:
    """Find submissions that were neither decided nor rejected, or both."""
    copies = Counter(event.submission_id for _, event in events_of(history.inputs["form-submissions"], FormSubmitted))
    for observed, event in events_of(history.inputs["form-submissions"], FormSubmitted):
        decided = event.submission_id in history.decisions
        rejected = history.dead_letters(observed)
        if not decided and not rejected and horizon.settled(observed.written_at or event.submitted_at):
            problem = f"submission {event.submission_id} has no decision and no dead letter"
            yield Violation(1, observed.place, problem, lost=observed.where)
        elif decided and rejected and copies[event.submission_id] == 1:
            problem = f"submission {event.submission_id} was decided and has a dead letter too ({rejected[0].code})"
            yield Violation(1, observed.place, problem)


def unreadable_without_dead_letter(history: History, horizon: Horizon) -> Iterable[Violation]:
    """Find input that no model can read and that left no dead letter."""
    for topic, records in history.inputs.items():
        for record in records:
            observed = record.observed
            if record.event is None and not _answered(history, record) and horizon.unanswered(observed.written_at):
                yield Violation(1, observed.place, f"the record cannot be read as {topic} and has no dead letter")


def _answered(history: History, record: Record) -> bool:
    data = record.observed.data or {}
    return bool(history.dead_letters(record.observed)) or data.get("submission_id") in history.decisions


def rejected_twice(history: History) -> Iterable[Violation]:
    """Find records with more than one dead letter."""
    for place, letters in history.rejected.items():
        if len(letters) > 1:
            yield Violation(1, written(place), f"has {len(letters)} dead letters instead of one")


def unknown_reps_presence(history: History, horizon: Horizon, people: People) -> Iterable[Violation]:
    """Find presence of reps whom no policy names and that left no dead letter."""
    for observed, event in events_of(history.inputs["rep-presence"], RepPresence):
        missing = not people.knows(event.rep_id) and not history.dead_letters(observed)
        if missing and horizon.unanswered(observed.written_at or event.at):
            yield Violation(1, observed.place, f"rep {event.rep_id} is in no policy, and there is no dead letter")


def unplaced_decisions(
    history: History, openings: Sequence[Opening], horizon: Horizon, since: datetime | None = None
) -> Iterable[Violation]:
    """Find submissions that were decided for sales, from *since* on, and neither queued nor assigned."""
    opened = {opening.submission_id for opening in openings}
    for submission_id, decisions in history.decisions.items():
        decision = decisions[0]
        if decision.to != "sales" or decision.test or submission_id in opened:
            continue
        if horizon.settled(decision.decided_at) and (since is None or decision.decided_at >= since):
            problem = f"submission {submission_id} was decided for sales and was neither queued nor assigned"
            yield Violation(1, f"lead {decision.lead_id}", problem)
