"""Calendars: what is open, in every zone and over every change of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.calendar import Calendar, public_holidays
from router.domain.hours import DAYS, parse_hours

ZONES = (
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "America/Havana",
)
WEEK = {"mon-fri": ["09:00-17:00"]}


def calendar(zone: str, hours: dict[str, list[str]], country: str | None = None) -> Calendar:
    """Make a calendar for one test."""
    return Calendar("test", zone, parse_hours(hours), country)


def utc(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str, *, fold: int = 0) -> datetime:
    """Read a wall-clock time as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-03-02T08:59:59.999999", "outside_hours"),
        ("2026-03-02T09:00", "open"),
        ("2026-03-02T16:59:59.999999", "open"),
        ("2026-03-02T17:00", "outside_hours"),
        ("2026-03-07T12:00", "outside_hours"),
        ("2026-12-25T12:00", "holiday"),
        ("2026-12-25T20:00", "outside_hours"),
        ("2026-07-03T12:00", "holiday"),  # the fourth is a Saturday, observed the day before
        ("2021-12-31T12:00", "holiday"),  # New Year of 2022, observed in the year before
        ("2026-12-24T12:00", "holiday"),
    ],
)
def test_state_of_an_office(at: str, state: str) -> None:
    """A span is half-open; a holiday, an observed and an extra one too, closes what would open on that day."""
    office = Calendar("ny", "America/New_York", parse_hours(WEEK), "US", "NY", frozenset({date(2026, 12, 24)}))
    assert office.state(local(at, "America/New_York")) == state
    assert office.is_open(local(at, "America/New_York")) == (state == "open")


def test_an_extra_day_needs_no_country() -> None:
    """Days off may be listed without naming a country."""
    office = Calendar("x", "UTC", parse_hours(WEEK), extra=frozenset({date(2026, 3, 2)}))
    assert office.state(utc("2026-03-02T12:00")) == "holiday"
    assert office.state(utc("2026-03-03T12:00")) == "open"


def test_a_night_shift_belongs_to_the_day_it_starts_on() -> None:
    """A holiday lets a span from the evening before run out and opens none of its own."""
    night = calendar("America/New_York", {"mon-sun": ["22:00-06:00"]}, country="US")
    assert night.state(local("2026-12-25T05:59", "America/New_York")) == "open"
    assert night.state(local("2026-12-25T06:00", "America/New_York")) == "outside_hours"
    assert night.state(local("2026-12-25T22:00", "America/New_York")) == "holiday"
    assert night.state(local("2026-12-26T05:59", "America/New_York")) == "holiday"
    assert night.state(local("2026-12-26T22:00", "America/New_York")) == "open"


@pytest.mark.parametrize(
    ("zone", "hours", "start", "end", "opened"),
    [
        ("America/New_York", "09:00-17:00", "2026-03-08", "2026-03-09", 8),  # the change is at night
        ("America/New_York", "00:00-24:00", "2026-03-08", "2026-03-09", 23),
        ("America/New_York", "00:00-24:00", "2026-11-01", "2026-11-02", 25),
        ("America/New_York", "02:00-03:00", "2026-03-08", "2026-03-09", 0),  # an hour that is never read
        ("America/New_York", "01:00-02:00", "2026-11-01", "2026-11-02", 2),  # an hour that is read twice
        ("America/New_York", "22:00-06:00", "2026-03-07T12:00", "2026-03-08T12:00", 7),
        ("Australia/Lord_Howe", "00:00-24:00", "2026-04-05", "2026-04-06", 24.5),
        ("Australia/Lord_Howe", "00:00-24:00", "2026-10-04", "2026-10-05", 23.5),
        ("Australia/Lord_Howe", "02:00-02:30", "2026-10-04", "2026-10-05", 0),
        ("Africa/Casablanca", "00:00-24:00", "2026-02-15", "2026-02-16", 25),
        ("Africa/Casablanca", "00:00-24:00", "2026-03-22", "2026-03-23", 23),
        ("Asia/Kathmandu", "09:00-17:00", "2026-03-08", "2026-03-09", 8),
    ],
)
def test_open_time_over_a_change_of_the_clock(zone: str, hours: str, start: str, end: str, opened: float) -> None:
    """An instant is open where its wall-clock reading lies in a span, in shifts of an hour and of half of one."""
    found = calendar(zone, {"mon-sun": [hours]}).open_between(local(start, zone), local(end, zone))
    assert found == timedelta(hours=opened)


def test_openings_are_merged_and_cut() -> None:
    """Spans that touch are one interval, and none reaches out of what was asked for."""
    cal = calendar("Asia/Kathmandu", {"mon": ["09:00-12:00", "12:00-24:00"], "tue": ["00:00-01:00"]})
    start = local("2026-03-02T10:00", "Asia/Kathmandu")
    assert cal.openings(start, start + timedelta(days=1)) == ((utc("2026-03-02T04:15"), utc("2026-03-02T19:15")),)
    assert cal.openings(start, start + timedelta(hours=1)) == ((utc("2026-03-02T04:15"), utc("2026-03-02T05:15")),)
    assert cal.openings(start, start) == ()
    assert cal.openings(start, start - timedelta(days=1)) == ()


_WALL = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30])).map(lambda at: f"{at[0]:02}:{at[1]:02}")


@st.composite
def _hours(draw: st.DrawFn) -> dict[str, list[str]]:
    """Draw hours in which no span can reach the next."""
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True))
    return {
        day: [draw(st.sampled_from(["09:00-17:00", "00:00-24:00", "01:30-02:15", "02:00-03:00"]))] for day in days
    } | (
        {"sun": [f"23:00-{draw(st.sampled_from(['00:30', '03:00', '06:00']))}"]} if not {"sun", "mon"} & {*days} else {}
    )


_CHANGES = st.sampled_from(
    [
        *("2026-03-08T07:00", "2026-11-01T06:00", "2026-03-08T05:00", "2026-11-01T05:00"),  # New York, Havana
        *("2026-03-29T01:00", "2026-10-25T01:00", "2026-02-15T02:00", "2026-03-22T02:00"),  # London, Casablanca
        *("2026-04-04T15:00", "2026-10-03T15:30", "2026-12-25T00:00", "2026-06-10T00:00"),  # Lord Howe, none
    ]
).map(utc)
_NEAR = st.timedeltas(timedelta(days=-3), timedelta(days=3))


@given(st.sampled_from(ZONES), _hours(), _CHANGES, _NEAR, st.timedeltas(timedelta(), timedelta(days=9)), st.data())
@settings(deadline=None)
def test_openings_agree_with_is_open(
    zone: str, hours: dict[str, list[str]], change: datetime, near: timedelta, length: timedelta, data: st.DataObject
) -> None:
    """An instant is open exactly where it lies in one of the openings, also right at and before their ends."""
    cal = calendar(zone, hours, country="US")
    start, end = change + near, change + near + length
    found = cal.openings(start, end)
    edges = [edge for opening in found for edge in opening] + [change, start]
    instants = data.draw(st.lists(st.datetimes(_naive(start), _naive(end)), max_size=20))
    probes = [at.replace(tzinfo=UTC) for at in instants] + [
        edge + step for edge in edges for step in (timedelta(microseconds=-1), timedelta())
    ]
    for at in probes:
        if start <= at < end:
            assert any(opens <= at < closes for opens, closes in found) == cal.is_open(at)


@given(st.sampled_from(ZONES), _hours(), _CHANGES, _NEAR, st.timedeltas(timedelta(), timedelta(hours=50)))
@settings(deadline=None)
def test_add_open_is_the_earliest_instant(
    zone: str, hours: dict[str, list[str]], change: datetime, near: timedelta, duration: timedelta
) -> None:
    """What `add_open` returns leaves exactly the duration between, and no earlier instant does."""
    cal = calendar(zone, hours)
    start = change + near
    due = cal.add_open(start, duration)
    assert cal.open_between(start, due) == duration
    if duration:
        assert cal.open_between(start, due - timedelta(microseconds=1)) < duration


def _naive(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


def test_add_open_ends_at_the_close() -> None:
    """A clock that is used up at the close of a day is due then, and one that is not goes on the next morning."""
    cal = calendar("Europe/London", WEEK)
    friday = local("2026-03-06T16:30", "Europe/London")
    assert cal.add_open(friday, timedelta(minutes=30)) == utc("2026-03-06T17:00")
    assert cal.add_open(friday, timedelta(minutes=31)) == utc("2026-03-09T09:01")
    assert cal.add_open(friday, timedelta()) == utc("2026-03-06T16:30")
    assert cal.add_open(friday, timedelta(hours=400)) > utc("2026-05-01T00:00")


def test_add_open_gives_up_where_nothing_ever_opens() -> None:
    """A calendar that only opens on holidays is told, not waited for."""
    closed = frozenset(date(2026, 1, 5) + timedelta(weeks=week) for week in range(200))
    cal = Calendar("mondays", "UTC", parse_hours({"mon": ["09:00-10:00"]}), extra=closed)
    with pytest.raises(ValueError, match="calendar mondays: nothing opens for 400 days"):
        cal.add_open(utc("2026-01-01T00:00"), timedelta(minutes=1))


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        ("UTC", "2026-03-01T00:00", "2026-03-03T00:00", ["2026-03-01T00:00", "2026-03-02T00:00"]),
        ("America/New_York", "2026-03-08T00:00", "2026-03-10T00:00", ["2026-03-08T05:00", "2026-03-09T04:00"]),
        ("America/Havana", "2026-03-07T06:00", "2026-03-09T00:00", ["2026-03-08T05:00"]),  # 00:00 becomes 01:00
        ("America/Havana", "2026-11-01T00:00", "2026-11-01T23:00", ["2026-11-01T04:00"]),  # 00:00 is read twice
        ("America/Asuncion", "2017-10-01T00:00", "2017-10-02T00:00", ["2017-10-01T04:00"]),
        ("Pacific/Apia", "2011-12-29T12:00", "2011-12-31T09:00", ["2011-12-30T10:00"]),  # a date that was left out
        ("Asia/Kathmandu", "2026-03-01T18:15", "2026-03-01T18:16", ["2026-03-01T18:15"]),
        ("Asia/Kathmandu", "2026-03-01T18:16", "2026-03-01T18:17", []),
    ],
)
def test_midnights(zone: str, start: str, end: str, expected: list[str]) -> None:
    """A local day begins at its first instant, whether or not the clock reads midnight then."""
    found = calendar(zone, WEEK).midnights(utc(start), utc(end))
    assert list(found) == [utc(at) for at in expected]


def test_public_holidays_of_nowhere() -> None:
    """A country or subdivision that nobody knows is refused by name."""
    with pytest.raises(ValueError, match="no public holidays are known for XX"):
        public_holidays("XX", None, 2026)
    with pytest.raises(ValueError, match="no public holidays are known for US, QQ"):
        public_holidays("US", "QQ", 2026)


@pytest.mark.parametrize(
    ("hours", "problem"),
    [
        ({}, "never open"),
        ({"mon": []}, "never open"),
        ({"mon": "09:00-17:00"}, r"needs a list of spans, like \["),
        ({"monday": ["09:00-17:00"]}, '"monday" is not a day or a range of days; days are mon'),
        ({"mon-": ["09:00-17:00"]}, "is not a day"),
        ({"mon-fry": ["09:00-17:00"]}, "is not a day"),
        ({"mon": ["9-17"]}, "is not a span of a day; write HH:MM-HH:MM"),
        ({"mon": ["24:00-03:00"]}, "is not a span"),
        ({"mon": ["09:00-24:30"]}, "is not a span"),
        ({"mon": ["09:00-09:00"]}, "starts and ends at the same time; a whole day is 00:00-24:00"),
        ({"mon": ["09:00-12:00", "11:00-13:00"]}, "two spans overlap: one that starts on mon runs into one of mon"),
        ({"mon-fri": ["09:00-12:00"], "wed": ["08:00-09:01"]}, "overlap: one that starts on wed"),
        ({"mon": ["22:00-06:00"], "tue": ["05:00-07:00"]}, "starts on mon runs into one of tue"),
        ({"sun": ["22:00-06:00"], "mon": ["05:00-07:00"]}, "starts on sun runs into one of mon"),
    ],
)
def test_hours_that_make_no_sense(hours: dict[str, list[str]], problem: str) -> None:
    """Hours that cannot be kept are refused with what is wrong."""
    with pytest.raises(ValueError, match=problem):
        parse_hours(hours)


def test_hours_may_wrap_and_touch() -> None:
    """A range of days may pass Sunday, and spans may touch."""
    week = parse_hours({"Fri-Mon": ["00:00-12:00", "12:00 - 24:00"]})
    assert [len(day) for day in week] == [2, 0, 0, 0, 2, 2, 2]
