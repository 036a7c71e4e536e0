"""Promise 7, repeats are harmless, and what a report counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from router.domain.audit import Observed
from router.domain.audit.counts import spread
from tests.unit.audit_story import Story, assert_only


@pytest.fixture
def story() -> Story:
    """Two reps; one lead met, one breached, one for nurture, one repeat while open, one bad record."""
    story = Story({"ana": 1, "ben": 1})
    story.presence("ana", "available")
    story.wait(60)
    story.submit("kim")
    story.wait(1)
    story.submit("kim")
    story.act("ana", "kim", "touch")
    story.submit("lou", to="nurture")
    story.poison()
    story.submit("max")
    story.submit("noa")
    story.wait(400)
    story.finish()
    return story


def test_every_record_twice_is_fine(story: Story) -> None:
    """The same records again, read again or published again, change nothing."""
    again = [Observed(r.topic, 1, r.offset, r.ce_type, r.ce_id, r.data) for r in story.records if r.ce_id]

    report = story.audited([*story.records, *story.records, *again])

    assert report.holds
    assert report.counts.by_to == story.audited().counts.by_to


def test_one_id_says_one_thing(story: Story) -> None:
    """A second record under an id with other data is found, with the fields that differ."""
    assigned = story.first("lead.assigned.v1")

    records = story.with_extra(assigned, assigned.ce_id, rep_id="ben", pool="other")

    assert_only(story.audited(records), 7, f"event {assigned.ce_id}", "differ in pool, rep_id")


def test_one_id_is_of_one_type(story: Story) -> None:
    """A second record under an id with another type is found."""
    end = story.first("sla.met.v1")
    other = Observed("sla-events", 0, 99, "sla.cancelled.v1", end.ce_id, end.data)

    assert_only(story.audited([*story.records, other]), 7, "sla.met.v1", "sla.cancelled.v1")


def test_a_submission_is_decided_once(story: Story) -> None:
    """A second decision of a submission is found, whatever it says."""
    decided = story.first("lead.decided.v1")

    assert_only(
        story.audited(story.with_extra(decided, "other", decision_id="other")), 7, "2 decisions (2 decision ids)"
    )


def test_a_test_decision_may_be_computed_again(story: Story) -> None:
    """A decision marked `test` reaches no ledger, so only its ids have to stay the same."""
    story.submit("tester", test=True)
    decided = next(r for r in story.records if r.ce_type == "lead.decided.v1" and r.data and r.data["test"])

    assert story.audited(story.with_extra(decided, decided.ce_id, priority=3)).holds
    assert 7 in story.audited(story.with_extra(decided, decided.ce_id, lead_id="lead-other")).found


def test_a_rep_is_called_once_for_an_assignment(story: Story) -> None:
    """A second notification of the same assignment under another id is found."""
    note = story.first("notification.requested.v1")

    report = story.audited(story.with_extra(note, "other", notification_id="other"))

    assert_only(report, 7, "lead lead-kim", "ana got 2 assigned notifications for attempt 1")


def test_a_report_counts_each_fact_once(story: Story) -> None:
    """Totals are of facts, not of records."""
    counts = story.audited([*story.records, *story.records]).counts

    assert counts.submissions == 5
    assert counts.by_to == {"attached": 1, "nurture": 1, "sales": 3}
    assert counts.by_stage == {"lead": 1, "sql": 4}
    assert counts.assignments == {"assigned": 3, "queued": 1, "touched": 3}
    assert counts.attempts == {1: 3}
    assert counts.clocks == {"breached": 2, "met": 1, "resolved": 2}
    assert counts.notifications == {"assigned": 3}
    assert counts.dead_letters == {"schema": 1}
    assert counts.max_load == {"ana": 1}


def test_a_report_tells_how_long_people_waited(story: Story) -> None:
    """Delays run from form and from receipt to placement and to the first rep."""
    delays = story.audited().delays

    assert delays["submitted_to_placed"].longest == timedelta(milliseconds=40)
    assert delays["submitted_to_assigned"].count == 3
    assert delays["received_to_assigned"].longest > timedelta(minutes=5)
    assert delays["submitted_to_decided"].count == 5


def test_percentiles_are_by_nearest_rank() -> None:
    """p99 of a hundred values is the ninety-ninth."""
    hundred = spread(timedelta(seconds=n) for n in range(1, 101))

    assert (hundred.p50, hundred.p99, hundred.longest) == tuple(timedelta(seconds=n) for n in (50, 99, 100))


def test_an_empty_log_holds() -> None:
    """Where nothing is, nothing is broken."""
    report = Story({"ana": 1}, now=datetime(2026, 3, 2, tzinfo=UTC)).audited()

    assert report.holds
    assert report.delays == {}
