"""
Working hours over a change of the clock, by calendar and in the ledger: the instants are worked out by hand here.

Zones change at night: New York by an hour (2026-03-08 and 2026-11-01, at 2:00),
Lord Howe by half an hour (2026-04-05 and 2026-10-04, at 2:00), Havana at midnight itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.domain.calendar import Calendar
from router.domain.hours import parse_hours
from router.events.base import to_millis
from router.pipeline.install import edges
from tests.known_failures.moments import moves, utc, wait_until
from tests.unit.ledger_story import Engine, Story, only, seat

NEW_YORK, LORD_HOWE, HAVANA = "America/New_York", "Australia/Lord_Howe", "America/Havana"
DAY_SHIFT, NIGHT_SHIFT = {"mon-sun": ["09:00-17:00"]}, {"mon-sun": ["22:00-06:00"]}

SHIFTS = {
    "New York, the day before summer time": (NEW_YORK, DAY_SHIFT, "2026-03-07T14:00", "2026-03-07T22:00"),
    "New York, the first day of summer time": (NEW_YORK, DAY_SHIFT, "2026-03-08T13:00", "2026-03-08T21:00"),
    "New York, the day before winter time": (NEW_YORK, DAY_SHIFT, "2026-10-31T13:00", "2026-10-31T21:00"),
    "New York, the first day of winter time": (NEW_YORK, DAY_SHIFT, "2026-11-01T14:00", "2026-11-01T22:00"),
    "New York, a night of seven hours": (NEW_YORK, NIGHT_SHIFT, "2026-03-08T03:00", "2026-03-08T10:00"),
    "New York, a night of nine hours": (NEW_YORK, NIGHT_SHIFT, "2026-11-01T02:00", "2026-11-01T11:00"),
    "Lord Howe, the day before winter time": (LORD_HOWE, DAY_SHIFT, "2026-04-03T22:00", "2026-04-04T06:00"),
    "Lord Howe, the first day of winter time": (LORD_HOWE, DAY_SHIFT, "2026-04-04T22:30", "2026-04-05T06:30"),
    "Lord Howe, the day before summer time": (LORD_HOWE, DAY_SHIFT, "2026-10-02T22:30", "2026-10-03T06:30"),
    "Lord Howe, the first day of summer time": (LORD_HOWE, DAY_SHIFT, "2026-10-03T22:00", "2026-10-04T06:00"),
    "Lord Howe, a night of eight and a half hours": (LORD_HOWE, NIGHT_SHIFT, "2026-04-04T11:00", "2026-04-04T19:30"),
    "Lord Howe, a night of seven and a half hours": (LORD_HOWE, NIGHT_SHIFT, "2026-10-03T11:30", "2026-10-03T19:00"),
}
MOMENT = timedelta(milliseconds=1)


def office(
    zone: str, hours: Mapping[str, list[str]], country: str | None = None, subdivision: str | None = None, *extra: date
) -> Calendar:
    """Return a calendar."""
    return Calendar("office", zone, parse_hours(hours), country, subdivision, frozenset(extra))


def floor(engine: Engine, calendar: Calendar, at: datetime, *, known: datetime | None = None) -> Story:
    """Begin a story at *at* with ana, who works by *calendar*, as a worker installs it at *known*."""
    story = Story(engine, seat("ana", calendar="office"), seat("ben", active=False))
    story.now = to_millis(known or at)
    story.calendars = {"office": edges(calendar, known or at)}
    story.install()
    story.now = to_millis(at)
    story.come("ana")
    return story


@pytest.mark.parametrize(("zone", "hours", "opens", "closes"), SHIFTS.values(), ids=SHIFTS)
@pytest.mark.parametrize("installed", [timedelta(), timedelta(days=6)], ids=["that day", "six days before"])
def test_hours_are_right_to_the_instant_when_the_clock_changes(
    engine: Engine, zone: str, hours: dict[str, list[str]], opens: str, closes: str, installed: timedelta
) -> None:
    """Leads go out from local opening to local close, not an hour or a half before or after (frappe/helpdesk 2075)."""
    opening, close = utc(opens), utc(closes)
    calendar = office(zone, hours)
    start = opening - timedelta(hours=1)
    assert calendar.openings(start, close + timedelta(hours=1)) == ((opening, close),)

    story = floor(engine, calendar, start, known=start - installed)
    story.place("early")
    wait_until(story, opening - MOMENT)
    assert story.holder("early") is None
    wait_until(story, opening)
    assert story.holder("early") == "ana"
    wait_until(story, close - MOMENT)
    story.place("last")
    assert story.holder("last") == "ana"
    wait_until(story, close)
    story.place("late")
    assert story.holder("late") is None


@pytest.mark.parametrize(
    ("zone", "hours", "start", "working", "due"),
    [
        (NEW_YORK, DAY_SHIFT, "2026-03-07T21:00", 2, "2026-03-08T14:00"),
        (NEW_YORK, DAY_SHIFT, "2026-10-31T20:00", 2, "2026-11-01T15:00"),
        (NEW_YORK, NIGHT_SHIFT, "2026-03-08T03:00", 6.5, "2026-03-08T09:30"),
        (NEW_YORK, NIGHT_SHIFT, "2026-11-01T02:00", 8.5, "2026-11-01T10:30"),
        (LORD_HOWE, DAY_SHIFT, "2026-04-04T05:00", 2, "2026-04-04T23:30"),
        (LORD_HOWE, DAY_SHIFT, "2026-10-03T05:30", 2, "2026-10-03T23:00"),
        (LORD_HOWE, NIGHT_SHIFT, "2026-04-04T11:00", 8, "2026-04-04T19:00"),
        (LORD_HOWE, NIGHT_SHIFT, "2026-10-03T11:30", 7, "2026-10-03T18:30"),
    ],
)
def test_a_working_clock_is_due_on_time_when_the_clock_changes(
    zone: str, hours: dict[str, list[str]], start: str, working: float, due: str
) -> None:
    """Time to touch is counted in hours that somebody works, as they pass, not as they read (frappe/helpdesk 2075)."""
    calendar, length = office(zone, hours), timedelta(hours=working)
    assert calendar.add_open(utc(start), length) == utc(due)
    assert calendar.open_between(utc(start), utc(due)) == length


@pytest.mark.parametrize(
    ("zone", "day", "following"),
    [
        (NEW_YORK, "2026-03-08T05:00", "2026-03-09T04:00"),
        (NEW_YORK, "2026-11-01T04:00", "2026-11-02T05:00"),
        (LORD_HOWE, "2026-04-04T13:00", "2026-04-05T13:30"),
        (LORD_HOWE, "2026-10-03T13:30", "2026-10-04T13:00"),
        (HAVANA, "2026-03-08T05:00", "2026-03-09T04:00"),  # has no midnight: it begins at one o'clock
        (HAVANA, "2026-11-01T04:00", "2026-11-02T05:00"),  # has two midnights: it begins at the first
    ],
)
def test_a_day_s_limit_ends_at_local_midnight_when_the_clock_changes(
    engine: Engine, zone: str, day: str, following: str
) -> None:
    """A day of 23, 23½, 24½ or 25 hours is one day: the count begins anew at its end, once (frappe/helpdesk 2075)."""
    begins, ends = utc(day), utc(following)
    story = floor(engine, office(zone, {"mon-sun": ["00:00-24:00"]}), begins - timedelta(hours=3))
    story.limits["daily_per_rep"] = 1
    story.install()
    story.place("the day before")
    story.place("L1")
    wait_until(story, begins - MOMENT)
    assert story.holders("the day before", "L1") == ["ana", None]
    wait_until(story, begins)
    assert story.holder("L1") == "ana"
    story.place("L2")
    wait_until(story, ends - MOMENT)
    assert story.holder("L2") is None
    wait_until(story, ends)
    assert story.holder("L2") == "ana"


HOLIDAYS = {
    "of the country": ("DE", "BE", "2026-12-25", "holiday"),
    "of this part of the country": ("DE", "BY", "2026-01-06", "holiday"),
    "of another part of the country": ("DE", "BE", "2026-01-06", "open"),
    "of no part, where none is named": ("DE", None, "2026-01-06", "open"),
    "of Scotland only": ("GB", "SCT", "2026-11-30", "holiday"),
    "not of England": ("GB", "ENG", "2026-11-30", "open"),
    "observed on the Monday after": ("GB", "ENG", "2026-12-28", "holiday"),
    "observed on the Friday before": ("US", "NY", "2026-07-03", "holiday"),
    "extra": ("US", "NY", "2026-12-24", "holiday"),
    "extra, of no country": (None, None, "2026-12-24", "holiday"),
    "none at all": (None, None, "2026-12-25", "open"),
}
ZONE_OF = {"DE": "Europe/Berlin", "GB": "Europe/London", "US": NEW_YORK, None: LORD_HOWE}


@pytest.mark.parametrize(("country", "subdivision", "day", "state"), HOLIDAYS.values(), ids=HOLIDAYS)
def test_holidays_are_those_of_the_place(
    engine: Engine, country: str | None, subdivision: str | None, day: str, state: str
) -> None:
    """By country and part of it, observed and extra days too: nobody is offered one at home (frappe/helpdesk 2075)."""
    zone = ZONE_OF[country]
    calendar = office(zone, DAY_SHIFT, country, subdivision, date(2026, 12, 24))
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    assert calendar.state(noon) == state
    story = floor(engine, calendar, noon)
    facts = story.place("L1")
    assert story.holder("L1") == ("ana" if state == "open" else None)
    if state == "holiday":
        assert only([fact for fact in facts if fact["t"] == "notify"], "no_rep_available")["to"] == "mia"


def test_a_holiday_is_told_as_one(engine: Engine) -> None:
    """Why ana was passed over at Christmas stands with the candidates, as in `router decide` (frappe/helpdesk 2075)."""
    story = floor(engine, office("Europe/Berlin", DAY_SHIFT, "DE"), utc("2026-12-25T11:00"))
    story.install(seat("ana", calendar="office"), seat("ben", 1))
    story.come("ben")
    [assigned] = [fact for fact in story.place("L1") if fact["t"] == "assigned"]
    assert dict(assigned["cands"]) == {"ben": "eligible", "ana": "holiday"}


def test_a_night_shift_runs_out_into_a_holiday_and_opens_none(engine: Engine) -> None:
    """The night of the 24th ends at six at Christmas; that of the 25th does not begin (frappe/helpdesk 2075)."""
    calendar = office("Europe/Berlin", {"mon-sun": ["22:00-06:00"]}, "DE", "BE", date(2026, 12, 27))
    story = floor(engine, calendar, utc("2026-12-25T04:59:59.998"))
    story.place("in the night")
    assert story.holder("in the night") == "ana"
    wait_until(story, utc("2026-12-25T05:00"))
    story.place("in the morning")
    wait_until(story, utc("2026-12-28T20:59:59.999"))  # the 26th is a holiday too, and the 27th is extra
    assert story.holder("in the morning") is None
    wait_until(story, utc("2026-12-28T21:00"))
    assert story.holder("in the morning") == "ana"
    assert moves(story.facts)[-1] == "assigned"
