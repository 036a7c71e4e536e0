"""Promise 4: only who is there gets a lead."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from router.domain.audit import Observed, Report, Roster, RosterRep, Tolerance
from tests.unit.audit_story import START, Story, assert_only, stamp

Told = tuple[float, str, dict[str, object]]


def story_of(assigned_after: float) -> Story:
    """Return a history in which ana, always there, gets one lead so many seconds after the start, and touches it."""
    story = Story({"ana": 3})
    story.wait(assigned_after - 0.04)
    story.reps["ana"].available = True
    story.submit("kim")
    story.finish()
    return story


def audited(assigned_after: float, *told: Told, tolerance: Tolerance | None = None) -> Report:
    """Audit an assignment to ana after what was told of her: seconds from the start, status, further data."""
    story = story_of(assigned_after)
    for seconds, status, more in told:
        at = stamp(START + timedelta(seconds=seconds))
        data = {"rep_id": "ana", "status": status, "at": at, "ttl_seconds": 0, **more}
        story.put("rep-presence", "rep.presence.v1", None, data)
    return story.audited(tolerance=tolerance)


FINE: dict[str, tuple[Told, ...]] = {
    "available for good": ((0, "available", {}),),
    "available within the ttl": ((0, "available", {"ttl_seconds": 120}),),
    "heartbeats carried it on": (
        (0, "available", {"ttl_seconds": 60}),
        (50, "available", {"ttl_seconds": 60, "heartbeat": True}),
    ),
    "a heartbeat's status says nothing": (
        (0, "available", {"ttl_seconds": 60}),
        (50, "offline", {"ttl_seconds": 60, "heartbeat": True}),
    ),
    "told again with the next event": (
        (0, "available", {"ttl_seconds": 60}),
        (55, "available", {"ttl_seconds": 60}),
    ),
    "an older word changes nothing": ((10, "available", {}), (5, "offline", {})),
    "just gone, and the news on its way": ((0, "available", {}), (99, "busy", {})),
    "just back, by a clock that is a little ahead": ((0, "offline", {}), (101, "available", {})),
    "ttl over a moment ago": ((0, "available", {"ttl_seconds": 99}),),
    "back after the router set her away": (
        (0, "available", {}),
        (50, "away", {"source": "router"}),
        (60, "available", {}),
    ),
    "gone and back at one instant": ((0, "away", {}), (0, "available", {})),
    "gone later": ((0, "available", {}), (120, "offline", {})),
}

BROKEN: dict[str, tuple[Told, ...]] = {
    "never told of": (),
    "offline": ((0, "offline", {}),),
    "busy since": ((0, "available", {}), (90, "busy", {})),
    "expired": ((0, "available", {"ttl_seconds": 60}),),
    "expired in spite of heartbeats": (
        (0, "available", {"ttl_seconds": 30}),
        (25, "available", {"ttl_seconds": 30, "heartbeat": True}),
    ),
    "a heartbeat brings nobody back": (
        (0, "available", {"ttl_seconds": 30}),
        (90, "available", {"ttl_seconds": 30, "heartbeat": True}),
    ),
    "a heartbeat makes nobody available": ((90, "available", {"heartbeat": True}),),
    "set away by the router a moment ago": ((0, "available", {}), (99.9, "away", {"source": "router"})),
    "a heartbeat does not undo the router's away": (
        (0, "available", {}),
        (50, "away", {"source": "router"}),
        (60, "available", {"heartbeat": True}),
    ),
    "available only later": ((110, "available", {}),),
}


@pytest.mark.parametrize("told", FINE.values(), ids=FINE.keys())
def test_somebody_who_may_have_been_there(told: tuple[Told, ...]) -> None:
    """An assignment that some presence event justifies is no violation."""
    assert audited(100, *told).violations == ()


@pytest.mark.parametrize("told", BROKEN.values(), ids=BROKEN.keys())
def test_somebody_who_was_not_there(told: tuple[Told, ...]) -> None:
    """An assignment that no presence event justifies is a violation, and names rep, sequence and lead."""
    assert_only(audited(100, *told), 4, "rep ana", "sequence 1 gave it lead lead-kim", "not available")


def test_grace_is_for_the_caller_to_widen() -> None:
    """A test that kills processes allows for the time in which news of a presence stood still."""
    told: tuple[Told, ...] = ((0, "available", {}), (90, "busy", {}))

    assert not audited(100, *told).holds
    assert audited(100, *told, tolerance=Tolerance(grace=timedelta(seconds=20))).holds


def test_a_rejected_presence_told_nothing() -> None:
    """A presence event with a dead letter makes nobody available."""
    story = story_of(100)
    data = {"rep_id": "ana", "status": "available", "at": stamp(START), "ttl_seconds": 0}
    story.poison("rep-presence", data)

    assert_only(story.audited(), 4, "nothing was told of the rep before")


def test_a_presence_from_the_future_holds_from_when_it_was_written() -> None:
    """Where the log's time is known, an `at` that lies ahead is held to it."""
    story = story_of(100)
    data = {"rep_id": "ana", "status": "available", "at": stamp(START + timedelta(hours=1)), "ttl_seconds": 0}
    early = Observed("rep-presence", 0, 0, None, None, data, written_at=START + timedelta(seconds=50))

    assert story.audited([*story.records, early]).holds


def test_what_is_no_longer_retained_accuses_nobody() -> None:
    """Presence that has left its topic may have justified an old assignment."""
    story = story_of(100)

    assert not story.audited().holds
    assert story.audited(tolerance=Tolerance(presence_since=START + timedelta(seconds=1))).holds
    story.wait(8 * 24 * 3600)
    assert story.audited().holds


def test_who_takes_a_lead_need_not_be_available() -> None:
    """A rep may accept a lead from a queue in whatever status, and outside of hours."""
    story = Story({"ana": 1})
    story.wait(60)
    story.submit("kim")
    story.act("ana", "kim", "accept")
    story.finish()

    assert story.audited().holds
    assert story.audited(roster=Roster({"ana": RosterRep(1, is_open=lambda _at: False)})).holds


def test_accepting_later_does_not_make_an_offer_right() -> None:
    """An assignment that is accepted some time after it was made had to go to somebody available."""
    story = story_of(100)
    story.submit("lou")
    story.wait(5)
    story.act("ana", "lou", "accept")
    story.finish()

    assert story.audited().found == {4: 2}


@pytest.mark.parametrize(
    ("roster", "words"),
    [
        (Roster({"ana": RosterRep(3, active=False)}), "the rep is not active"),
        (Roster({"ben": RosterRep(3)}), "no policy names the rep"),
        (Roster({"ana": RosterRep(3, is_open=lambda at: at < START)}), "outside the rep's hours"),
    ],
)
def test_only_active_reps_in_their_hours(roster: Roster, words: str) -> None:
    """A rep who is inactive, unknown or outside of hours gets nothing, however available."""
    story = story_of(100)
    data = {"rep_id": "ana", "status": "available", "at": stamp(START), "ttl_seconds": 0}
    story.put("rep-presence", "rep.presence.v1", None, data)

    report = story.audited(roster=roster)

    assert words in str(report.violations[-1])
    assert report.violations[-1].promise == 4


def test_many_heartbeats_are_read_in_one_pass() -> None:
    """A week of heartbeats is judged without comparing each with each."""
    moments: list[datetime] = [START + timedelta(seconds=30 * n) for n in range(5_000)]
    story = Story({"ana": 1})
    for number, at in enumerate(moments):
        data = {"rep_id": "ana", "status": "available", "at": stamp(at), "ttl_seconds": 90, "heartbeat": number > 0}
        story.put("rep-presence", "rep.presence.v1", None, data)
    story.reps["ana"].available = True
    story.wait(30 * 4_999)
    for _ in range(50):
        story.submit("kim")
        story.finish()

    assert story.audited().holds
