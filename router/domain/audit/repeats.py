"""
Promise 7, repeats are harmless: one decision a submission, one call a rep for one assignment.

That one id always says the same is seen in `history.repeated`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from router.domain.audit.history import History
from router.domain.audit.observed import Violation

_ONCE_AN_ATTEMPT = frozenset({"assigned", "reminder"})


def decided_twice(history: History) -> Iterable[Violation]:
    """Find submissions with more than one decision."""
    for submission_id, decisions in history.decisions.items():
        if len(decisions) > 1:
            ids = len({decision.decision_id for decision in decisions})
            problem = f"has {len(decisions)} decisions ({ids} decision ids) instead of one"
            yield Violation(7, f"submission {submission_id}", problem)


def told_twice(history: History) -> Iterable[Violation]:
    """Find reps who were told of the same assignment under several notification ids."""
    told: dict[tuple[str, str, int, str], set[str]] = defaultdict(set)
    for note in history.notifications:
        if note.kind in _ONCE_AN_ATTEMPT:
            told[note.recipient.id, note.lead_id, note.attempt, note.kind].add(note.notification_id)
    for (recipient, lead_id, attempt, kind), ids in told.items():
        if len(ids) > 1:
            yield Violation(
                7, f"lead {lead_id}", f"{recipient} got {len(ids)} {kind} notifications for attempt {attempt}"
            )
