"""
What a person's behaviour is worth now: points that fade exponentially.

Which activities belong to the person, and that each counts once, is for whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import fsum

from router.domain.policy import Engagement

_MILLISECOND = timedelta(milliseconds=1)


def score(activities: Iterable[tuple[str, datetime]], engagement: Engagement, at: datetime) -> float:
    """
    Return the points of *activities* (kind and time) as they stand at *at*, to one decimal.

    After each half-life half of an activity's points is left. One that lies ahead
    counts as if it were now; a kind without points counts nothing. Rules compare and
    decisions record the same rounded number, and the order of activities does not
    change it, so that a decision can be computed again.

    >>> from datetime import UTC
    >>> now = datetime(2026, 3, 15, tzinfo=UTC)
    >>> fortnight = Engagement(half_life=14 * 86_400_000, mql_at=50, points={"page_view": 1, "webinar_attended": 15})
    >>> score([("webinar_attended", datetime(2026, 3, 1, tzinfo=UTC)), ("page_view", now)], fortnight, now)
    8.5
    """
    half_life = engagement.half_life * _MILLISECOND
    points = engagement.points
    return round(
        fsum(points.get(kind, 0) * 0.5 ** (max(at - when, timedelta()) / half_life) for kind, when in activities), 1
    )
