"""
What was asked of the ledger and shows no effect on the topics.

Between a state change and its facts on the log stands the outbox, in the Redis
that is lost. So an event that was consumed to its end may have left nothing. It
is told by what it would still change: then it is asked again, and counts, if at
all, for the first time. All others that were consumed count as done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.domain.ledger.model import CLOSING, STALE
from router.domain.rebuild.course import Courses, Opening
from router.domain.rebuild.instants import millis

Data = Mapping[str, Any]


def action_counts(courses: Courses, data: Data) -> bool:
    """Tell whether a rep's action, read as data of `rep.action.v1`, would still change something."""
    opening = courses.open.get(data["lead_id"])
    if opening is None:
        return False
    lead, at, attempt = opening.lead, millis(data["at"]), data.get("attempt")
    if at < lead.opened - STALE:
        return False
    if data["action"] == "touch":
        before = opening.before
        return at >= lead.opened or before.state != "touched" or before.acted_at != max(at, 0)
    live = at >= lead.assigned_at if attempt is None else attempt == lead.attempt
    if live and lead.rep == data["rep_id"]:
        return data["action"] != "accept" or lead.state == "held"
    return data["action"] == "accept" and lead.state == "waiting" and at >= opening.told_at


def action_counted(courses: Courses, data: Data) -> bool:
    """Tell whether an action that may not have been consumed shows its effect: then the same again must not count."""
    opening = courses.open.get(data["lead_id"])
    if opening is None or data["action"] not in ("decline", "release"):
        return False
    return opening.lead.tried.get(data["rep_id"], -1) >= millis(data["at"])


def outcome_counts(courses: Courses, data: Data) -> bool:
    """Tell whether an outcome would still close its lead."""
    opening: Opening | None = courses.open.get(data["lead_id"])
    if opening is None or data["outcome"] not in CLOSING:
        return False
    at = millis(data["at"])
    if at < opening.lead.opened:
        return at >= opening.lead.opened - STALE and opening.before.state != "closed"
    return True
