"""Promises 2 and 3: one owner, and no rep above capacity."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.domain.audit import Observed, Roster, RosterRep
from tests.unit.audit_story import Story, assert_only, kind, renumbered


@pytest.fixture
def story() -> Story:
    """One lead: assigned to ana, declined, assigned to ben, accepted and not yet touched."""
    story = Story({"ana": 1, "ben": 2})
    story.presence("ana", "available")
    story.presence("ben", "available")
    story.wait(60)
    story.submit("kim")
    story.act("ana", "kim", "decline")
    story.act("ben", "kim", "accept")
    story.wait(20)
    return story


def extra(story: Story, ce_type: str, **data: object) -> list[Observed]:
    """Return the records with one more assignment event at the end of the sequence."""
    return story.with_extra(story.first(ce_type), "extra", sequence=story.sequence + 1, **data)


def test_a_lead_may_change_hands(story: Story) -> None:
    """Decline and reassignment under a new attempt break nothing."""
    assert story.audited(strict_end=False).holds


def test_two_live_assignments(story: Story) -> None:
    """A lead that somebody holds is not assigned to another."""
    records = extra(story, "lead.assigned.v1", attempt=3, rep_id="ana")

    assert_only(story.audited(records, strict_end=False), 2, "sequence 5: assigned to ana while ben holds it")


def test_one_attempt_names_one_rep(story: Story) -> None:
    """The same attempt with another rep is told as such."""
    records = extra(story, "lead.assigned.v1", attempt=2, rep_id="ana")

    assert_only(story.audited(records, strict_end=False), 2, "attempt 2 names ana, before it named ben")


@pytest.mark.parametrize(("attempt", "words"), [(1, "goes back from 2"), (4, "attempt 4 where 3 is due")])
def test_attempts_grow_by_one(attempt: int, words: str) -> None:
    """An attempt that goes back or leaves one out is found."""
    story = Story({"ana": 5})
    story.presence("ana", "available")
    for _ in range(3):
        story.submit("kim")
        story.act("ana", "kim", "touch")
    assert story.audited().holds
    third = [r for r in story.records if r.ce_type in {"lead.assigned.v1", "lead.touched.v1"}][4:]

    records = story.changed(lambda r: r in third, attempt=attempt)

    assert_only(story.audited(records), 2, words)


def test_only_the_holder_accepts(story: Story) -> None:
    """An accepted event names the rep who holds the lead."""
    records = story.changed(kind("lead.accepted.v1"), rep_id="ana")

    assert_only(story.audited(records, strict_end=False), 2, "accepted by ana while ben holds it")


def test_accepted_twice(story: Story) -> None:
    """A lead is accepted once an attempt."""
    records = extra(story, "lead.accepted.v1")

    assert_only(story.audited(records, strict_end=False), 2, "accepted while it is accepted")


def test_nothing_happens_to_a_lead_that_is_over(story: Story) -> None:
    """After the touch there is no second one under the same opening."""
    story.finish()
    records = extra(story, "lead.touched.v1")

    assert_only(story.audited(records), 2, "touched while it is touched")


def test_only_a_new_submission_opens_a_lead_again(story: Story) -> None:
    """A touched lead opens again by a new submission, not by one that had opened it before."""
    story.finish()
    story.submit("kim")
    story.finish()
    assert story.audited().holds
    again = [r for r in story.records if r.data is not None and r.data.get("submission_id") == "sub-2"]

    records = story.changed(lambda r: r in again and r.topic == "lead-assignments", submission_id="sub-1")

    assert "assigned again by submission sub-1" in " ".join(map(str, story.audited(records).violations))
    assert 2 in story.audited(records).found


def test_what_was_taken_is_given(story: Story) -> None:
    """An unassigned event is followed by an assigned, queued or closed one."""
    taken = [r for r in story.records if r.topic != "lead-assignments" or (r.data and r.data["sequence"] <= 2)]
    quiet = [r for r in taken if r.topic != "rep-actions"]

    assert_only(story.audited(quiet, strict_end=False), 2, "sequence 2: unassigned (declined), and nothing followed")


def test_nothing_comes_between_taken_and_given(story: Story) -> None:
    """A touched event right after an unassigned one is out of order."""
    story.finish()
    gone = {3, 4}
    records = renumbered(story.without(lambda r: r.data is not None and r.data.get("sequence") in gone))

    first, *_ = [v for v in story.audited(records).violations if v.promise == 2]
    assert "touched after unassigned" in first.problem


def test_capacity_counts_what_is_held_at_once(story: Story) -> None:
    """A rep at capacity is fine, one above it is not, and the rep is named."""
    for person in ("lou", "max"):
        story.submit(person)
    assert story.audited(strict_end=False).holds
    assert story.audited(strict_end=False).counts.max_load == {"ana": 1, "ben": 2}
    roster = Roster({"ana": RosterRep(1), "ben": RosterRep(1)})

    report = story.audited(roster=roster, strict_end=False)

    assert_only(report, 3, "rep ben", "2 held, capacity 1")


def test_capacity_comes_back() -> None:
    """Touch, close and unassigned free the rep."""
    story = Story({"ana": 1})
    story.presence("ana", "available")
    for verb in ("touch", "won", "decline"):
        story.submit(verb)
        if verb == "won":
            story.outcome(verb, "won")
        else:
            story.act("ana", verb, verb)
    story.submit("last")
    story.presence("ana", "busy")
    story.finish()

    report = story.audited()
    assert report.holds
    assert report.counts.max_load == {"ana": 1}


def test_whoever_is_forgotten_is_closed_once_more() -> None:
    """An erasure may follow whatever ended the lead; any other close after a close is one too many."""
    story = Story({"ana": 3})
    story.presence("ana", "available")
    for person in ("lou", "max", "kim"):
        story.submit(person)
    story.act("ana", "lou", "touch")
    story.outcome("max", "won")
    for person in ("lou", "max", "kim"):
        story.erase(person)
    story.finish()
    assert story.audited().holds

    again = [replace(one, data={**(one.data or {}), "reason": "won"}) if _erased(one) else one for one in story.records]

    assert [one.promise for one in story.audited(again).violations] == [2]


def _erased(record: Observed) -> bool:
    return record.ce_type == "lead.closed.v1" and (record.data or {})["reason"] == "erased"
