"""Promise 5: every clock ends, once and in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from router.domain.audit import Observed
from tests.unit.audit_story import START, Story, assert_only, kind, stamp

SENT = START + timedelta(seconds=60)
DUE = SENT + timedelta(minutes=5)


def opened() -> Story:
    """Return a story with one lead that ana holds, sent 60 s after the start and due 5 min later."""
    story = Story({"ana": 2})
    story.presence("ana", "available")
    story.wait(60)
    story.submit("kim")
    return story


def breached() -> Story:
    """Return the same lead, touched 100 s after it was due."""
    story = opened()
    story.wait(400)
    story.finish()
    return story


def met() -> Story:
    """Return the same lead, touched after 10 s."""
    story = opened()
    story.wait(10)
    story.finish()
    return story


def test_clocks_that_end_as_they_should() -> None:
    """Met, cancelled by a close, and breached followed by a touch or a close are all ends."""
    cancelled, late_close = opened(), opened()
    cancelled.outcome("kim", "lost")
    late_close.wait(400)
    late_close.outcome("kim", "lost")

    for story, ends in (
        (met(), {"met": 1}),
        (breached(), {"breached": 1, "resolved": 1}),
        (cancelled, {"cancelled": 1}),
        (late_close, {"breached": 1}),
    ):
        assert story.audited().holds
        assert story.audited().counts.clocks == ends


def test_an_open_clock_is_fine_until_it_is_due() -> None:
    """While the system runs a clock may be open until 2 s after it was due; at a strict end none may."""
    story = opened()
    silent = [kind("sla.breached.v1"), kind("sla.warned.v1")]
    story.wait(301)
    records = [record for record in story.records if not any(chosen(record) for chosen in silent)]

    assert story.audited(records, strict_end=False).holds
    assert_only(story.audited(records), 5, "lead lead-kim, clock of sub-1", "never ended")
    story.wait(2)
    records = [record for record in story.records if not any(chosen(record) for chosen in silent)]
    assert_only(story.audited(records, strict_end=False), 5, "no breach was told")


@pytest.mark.parametrize("end", ["sla.met.v1", "sla.breached.v1"])
def test_a_touched_lead_with_an_open_clock(end: str) -> None:
    """A lead that was touched and whose clock never ended is found."""
    story = met() if end == "sla.met.v1" else breached()
    records = story.without(lambda r: r.topic == "sla-events" and r.ce_type != "sla.warned.v1")

    assert_only(story.audited(records), 5, "the lead was touched, and the clock never ended")


def test_a_closed_lead_with_an_open_clock() -> None:
    """A lead closed untouched needs its clock cancelled."""
    story = opened()
    story.outcome("kim", "lost")

    records = story.without(kind("sla.cancelled.v1"))

    assert_only(story.audited(records), 5, "the lead was closed, and the clock never ended")


def test_a_breach_is_resolved() -> None:
    """A breached lead that was touched has to say so; one that nobody touched has to at a strict end."""
    story = breached()
    assert_only(story.audited(story.without(kind("sla.resolved.v1"))), 5, "touched, and the clock never resolved")

    still = opened()
    still.wait(400)
    assert still.audited(strict_end=False).holds
    assert_only(still.audited(), 5, "neither resolved nor closed")


def test_a_clock_ends_once() -> None:
    """Met and cancelled, or breached twice, are two ends."""
    story = met()
    end = story.first("sla.met.v1")
    twice = Observed("sla-events", 0, 99, "sla.cancelled.v1", "other", end.data)
    assert_only(story.audited([*story.records, twice]), 5, "ended 2 times: cancelled, met")

    late = breached()
    again = late.with_extra(late.first("sla.breached.v1"), "other")
    assert_only(late.audited(again), 5, "ended 2 times: breached, breached")
    assert late.audited(late.with_extra(late.first("sla.breached.v1"), late.first("sla.breached.v1").ce_id)).holds


def test_a_clock_resolves_once_and_only_after_a_breach() -> None:
    """A second resolution, or one of a clock that was never breached, is found."""
    story = breached()
    twice = story.with_extra(story.first("sla.resolved.v1"), "other")
    assert_only(story.audited(twice), 5, "was resolved 2 times")

    report = story.audited(story.without(kind("sla.breached.v1")))
    assert "was resolved without having been breached" in " ".join(map(str, report.violations))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-0.5, "0.500 s before it was due"), (1.0, None), (1.001, "recorded 1.001 s after it was due")],
)
def test_a_breach_is_recorded_when_it_is_due(seconds: float, words: str | None) -> None:
    """A breach is never early, and at most a second late."""
    story = breached()
    records = story.changed(kind("sla.breached.v1"), at=stamp(DUE + timedelta(seconds=seconds)))

    report = story.audited(records)

    if words is None:
        assert report.holds
    else:
        assert_only(report, 5, words)


def test_a_lead_that_comes_late_is_breached_at_once() -> None:
    """Where a lead arrives past its due time, the breach is due when it arrives."""
    story = breached()
    long_ago = stamp(SENT - timedelta(hours=1))
    due = stamp(DUE - timedelta(hours=1))
    clock = {"submitted_at": long_ago, "due_at": due, "touch_by": due, "at": stamp(SENT + timedelta(seconds=0.5))}
    moved = {"sla.breached.v1", "sla.resolved.v1", "sla.warned.v1"}
    records = story.changed(lambda r: r.ce_type in moved, **clock)
    held = [r for r in records if r.topic == "lead-assignments" and r.data]
    records = [
        Observed(r.topic, 0, r.offset, r.ce_type, r.ce_id, {**r.data, "touch_by": due}) if r in held and r.data else r
        for r in records
    ]

    report = story.audited(records)

    assert not [v for v in report.violations if "recorded" in v.problem or "due_at" in v.problem]


def test_due_at_is_touch_by() -> None:
    """A clock that is due at another time than the lead is found."""
    story = met()
    records = story.changed(kind("sla.met.v1"), due_at=stamp(DUE + timedelta(seconds=1)))

    assert_only(story.audited(records), 5, "due_at is not the lead's touch_by")


def test_a_repeat_may_bring_the_due_time_forward() -> None:
    """After an attached submission the clock may be due earlier, and told under the repeat's id."""
    story = opened()
    story.submit("kim")
    story.wait(10)
    story.finish()
    records = story.changed(kind("sla.met.v1"), due_at=stamp(DUE - timedelta(seconds=60)), submission_id="sub-2")

    assert story.audited().counts.by_to == {"attached": 1, "sales": 1}
    assert story.audited(records).holds


def test_in_time_means_in_time() -> None:
    """A touch told as in time was not late, and one told as late was."""
    story = met()
    parts = {"ingest": 0.0, "decide": 0.0, "queue": 0.0, "accept": 0.0}
    slow = {"elapsed_seconds": 301.0, "breakdown": {**parts, "touch": 301.0}}
    assert_only(story.audited(story.changed(kind("sla.met.v1"), **slow)), 5, "touched 1.000 s after due_at")

    late = breached()
    quick = {"elapsed_seconds": 299.0, "breakdown": {**parts, "touch": 299.0}}
    assert_only(late.audited(late.changed(kind("sla.resolved.v1"), **quick)), 5, "touched 1.000 s before due_at")
    assert late.audited(late.changed(kind("sla.resolved.v1"), **quick, in_time=True)).holds
    assert_only(late.audited(late.changed(kind("sla.resolved.v1"), in_time=True)), 5, "told as in time")


@pytest.mark.parametrize(("touch", "words"), [(10.002, None), (10.003, "is 0.003 s away from elapsed_seconds")])
def test_the_breakdown_adds_up(touch: float, words: str | None) -> None:
    """The parts add up to the elapsed time, but for rounding."""
    story = met()
    parts = {"ingest": 0.0, "decide": 0.04, "queue": 0.0, "accept": 0.0, "touch": touch}

    report = story.audited(story.changed(kind("sla.met.v1"), breakdown=parts))

    if words is None:
        assert report.holds
    else:
        assert_only(report, 5, words)


def test_each_threshold_is_warned_of_once() -> None:
    """A second warning of one threshold is found; one of another threshold is fine."""
    story = breached()
    warning = story.first("sla.warned.v1")

    assert_only(story.audited(story.with_extra(warning, "other")), 5, "warned 2 times of threshold 0.5")
    assert story.audited(story.with_extra(warning, "other", threshold=0.8)).holds


def test_a_clock_that_nothing_started() -> None:
    """A clock event of a submission that opened no lead is found."""
    story = met()
    story.submit("lou", to="nurture")
    records = story.with_extra(story.first("sla.met.v1"), "other", lead_id="lead-lou", submission_id="sub-2")

    assert_only(story.audited(records), 5, "lead lead-lou", "SlaMet of submission sub-2, which opened no clock")


def test_a_lead_without_sla_has_no_clock() -> None:
    """A lead whose route names no SLA needs no end of a clock."""
    story = met()
    records = [
        Observed(r.topic, 0, r.offset, r.ce_type, r.ce_id, {**(r.data or {}), "touch_by": None})
        for r in story.records
        if r.topic != "sla-events"
    ]

    assert story.audited(records).holds
    assert story.audited(records).counts.clocks == {}


def test_each_opening_has_its_own_clock() -> None:
    """A lead that is opened again starts a second clock, which has to end as well."""
    story = met()
    story.submit("kim")
    story.wait(400)
    story.finish()

    report = story.audited()
    assert report.holds
    assert report.counts.clocks == {"met": 1, "breached": 1, "resolved": 1}
    lost = story.without(kind("sla.met.v1"))
    assert_only(story.audited(lost), 5, "clock of sub-1", "the lead was touched, and the clock never ended")
