"""Points of behaviour and how they fade."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.engagement import score
from router.domain.policy import Engagement

NOW = datetime(2026, 3, 15, tzinfo=UTC)
RULES = Engagement(half_life=14 * 86_400_000, mql_at=50, points={"page_view": 1, "surge": 20, "unsubscribed": -10})


@pytest.mark.parametrize(
    ("kind", "age", "points"),
    [
        ("surge", timedelta(), 20),
        ("surge", timedelta(days=14), 10),
        ("surge", timedelta(days=28), 5),
        ("surge", timedelta(days=7), 14.1),
        ("surge", timedelta(days=-3), 20),
        ("surge", timedelta(days=36_500), 0),
        ("page_view", timedelta(days=14), 0.5),
        ("unsubscribed", timedelta(days=14), -5),
        ("never heard of", timedelta(), 0),
    ],
)
def test_one_activity(kind: str, age: timedelta, points: float) -> None:
    """After each half-life half of the points is left; what lies ahead counts as now, an unknown kind nothing."""
    assert score([(kind, NOW - age)], RULES, NOW) == points


def test_nothing_done() -> None:
    """Without activities the score is zero."""
    assert score([], RULES, NOW) == 0


_ACTIVITIES = st.lists(
    st.tuples(
        st.sampled_from([*RULES.points, "other"]),
        st.datetimes(datetime(2025, 1, 1), datetime(2026, 4, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
    ),
    max_size=30,
)


@given(_ACTIVITIES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(activities: list[tuple[str, datetime]], chance: Random) -> None:
    """The same activities in any order give the same score to the last digit."""
    shuffled = list(activities)
    chance.shuffle(shuffled)
    assert score(shuffled, RULES, NOW) == score(activities, RULES, NOW)
