"""
Promise 1, nothing is lost: what came in had an effect or one dead letter, and no number of the sequence is missing.

What reps and CRMs said about a lead is in `unheard`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from router.domain.audit.history import History, Record, events_of
from router.domain.audit.observed import Horizon, Violation
from router.domain.audit.openings import Opening
from router.events.assignment import AssignmentEvent
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted


def unanswered_submissions(history: History, horizon: Horizon) -> Iterable[Violation]:
    """Find submissions that were neither decided nor rejected, or both."""
    copies = Counter(event.submission_id for _, event in events_of(history.inputs["form-submissions"], FormSubmitted))
    for observed, event in events_of(history.inputs["form-submissions"], FormSubmitted):
        decided = event.submission_id in history.decisions
        rejected = history.dead_letters(observed)
        if not decided and not rejected and horizon.settled(observed.written_at or event.submitted_at):
            yield Violation(1, observed.place, f"submission {event.submission_id} has no decision and no dead letter")
        elif decided and rejected and copies[event.submission_id] == 1:
            problem = f"submission {event.submission_id} was decided and has a dead letter too ({rejected[0].code})"
            yield Violation(1, observed.place, problem)


def unreadable_without_dead_letter(history: History, horizon: Horizon) -> Iterable[Violation]:
    """Find input that no model can read and that left no dead letter."""
    for topic, records in history.inputs.items():
        for record in records:
            if record.event is None and not _answered(history, record) and horizon.settled(record.observed.written_at):
                yield Violation(
                    1, record.observed.place, f"the record cannot be read as {topic} and has no dead letter"
                )


def _answered(history: History, record: Record) -> bool:
    data = record.observed.data or {}
    return bool(history.dead_letters(record.observed)) or data.get("submission_id") in history.decisions


def rejected_twice(history: History) -> Iterable[Violation]:
    """Find records with more than one dead letter."""
    for (topic, partition, offset), letters in history.rejected.items():
        if len(letters) > 1:
            yield Violation(1, f"{topic}/{partition}@{offset}", f"has {len(letters)} dead letters instead of one")


def unknown_reps_presence(history: History, horizon: Horizon, known: Iterable[str]) -> Iterable[Violation]:
    """Find presence of reps whom no policy names and that left no dead letter."""
    reps = set(known)
    for observed, event in events_of(history.inputs["rep-presence"], RepPresence):
        missing = event.rep_id not in reps and not history.dead_letters(observed)
        if missing and horizon.settled(observed.written_at or event.at):
            yield Violation(1, observed.place, f"rep {event.rep_id} is in no policy, and there is no dead letter")


def unplaced_decisions(
    history: History, opened: Mapping[str, Sequence[Opening]], horizon: Horizon
) -> Iterable[Violation]:
    """Find leads that were decided for sales and neither queued nor assigned."""
    for submission_id, decisions in history.decisions.items():
        decision = decisions[0]
        if decision.to != "sales" or decision.test or not horizon.settled(decision.decided_at):
            continue
        if all(opening.submission_id != submission_id for opening in opened.get(decision.lead_id, ())):
            problem = f"submission {submission_id} was decided for sales and was neither queued nor assigned"
            yield Violation(1, f"lead {decision.lead_id}", problem)


def missing_sequences(history: History, horizon: Horizon, first: int = 1) -> Iterable[Violation]:
    """Find numbers of the sequence, from *first* on, that no event has."""
    expected = first
    for event in history.assignments:
        if event.sequence > expected and horizon.settled(event.at):
            missing = event.sequence - expected
            span = str(expected) if missing == 1 else f"{expected} to {event.sequence - 1} ({missing} events)"
            yield Violation(1, "lead-assignments", f"sequence {span} is missing")
        expected = max(expected, event.sequence + 1)


def shared_sequences(history: History) -> Iterable[Violation]:
    """Find numbers of the sequence that several events have."""
    for sequence, count in history.shared_sequences:
        yield Violation(1, "lead-assignments", f"sequence {sequence} is on {count} different events")


def gaps(assignments: Sequence[AssignmentEvent], first: int = 1) -> tuple[int, ...]:
    """
    Return for each gap in the sequence the number after it.

    What a lead or a load was on the far side of a gap is not known for certain.
    """
    before = (first - 1, *(event.sequence for event in assignments))
    return tuple(event.sequence for last, event in zip(before, assignments, strict=False) if event.sequence > last + 1)
