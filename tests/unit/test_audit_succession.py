"""Policies that follow one another: each assignment is judged by the one that was in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from router.domain.audit import Roster, RosterRep
from tests.unit.audit_story import Story, assert_only
from tests.unit.policy_text import MINIMAL, load


@pytest.fixture
def story() -> Story:
    """Ana holds two leads, assigned with sequences 1 and 2, and touches both."""
    story = Story({"ana": 2})
    story.presence("ana", "available")
    story.wait(60)
    story.submit("kim")
    story.submit("lee")
    story.finish()
    return story


def ana(capacity: int, *, active: bool = True) -> Roster:
    """Return a roster of ana alone."""
    return Roster({"ana": RosterRep(capacity, active)})


def test_a_capacity_counts_from_where_its_policy_came_into_force(story: Story) -> None:
    """The same second lead is right under a policy that came before it, and wrong where that came after."""
    widest = ana(2).reps
    assert story.audited(roster=Roster(widest, ((1, ana(1)), (2, ana(2))))).holds
    assert_only(story.audited(roster=Roster(widest, ((1, ana(1)), (3, ana(2))))), 3, "2 held, capacity 1")


def test_who_is_not_active_any_more_gets_nothing(story: Story) -> None:
    """A rep whom the policy in force has laid off gets no lead, though an earlier policy allowed it."""
    rosters = ((1, ana(2)), (2, ana(2, active=False)))

    assert_only(story.audited(roster=Roster(ana(2).reps, rosters)), 4, "sequence 2", "not active")


def test_without_their_sequences_policies_allow_what_any_allows(story: Story) -> None:
    """Where nobody knows when one policy followed another, the widest one counts for all."""
    assert story.audited(roster=ana(2)).holds


def test_policies_make_their_own_succession(tmp_path: Path) -> None:
    """Loaded policies, each with its first sequence, tell what a rep might do at any moment."""
    first = load(tmp_path / "first").policy
    second = load(tmp_path / "second", re.sub("capacity: 1", "capacity: 4", MINIMAL)).policy

    roster = Roster.succession([(1, first), (10, second)])

    capacities = {at: rep.capacity for at in (1, 9, 10, 99) if (rep := roster.rep_at("ben", at)) is not None}
    assert capacities == {1: 1, 9: 1, 10: 4, 99: 4}
    assert roster.reps["ben"].capacity == 4
    assert roster.rep_at("nobody", 1) is None
