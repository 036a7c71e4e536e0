"""
When somebody works: weekly spans in a time zone, without holidays.

An instant is open where its wall-clock reading lies in a span. That one rule
decides every change of the clock: an hour that is read twice is open twice, an
hour that is never read opens nothing. Nothing here knows what time it is now.
Reading hours from a configuration is in `router.domain.hours`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from router.domain.hours import Week, parse_hours

__all__ = ["Calendar", "Interval", "State", "Week", "parse_hours"]

State = Literal["open", "outside_hours", "holiday"]
Interval = tuple[datetime, datetime]

_DAY = timedelta(days=1)
_PROBE = timedelta(hours=6)
_STRETCH = timedelta(days=14)
_GIVE_UP = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Calendar:
    """
    The hours of a rep, a team or an SLA clock.

    * **timezone** - an IANA name.
    * **weekly** - the spans that open on each day, Monday first.
    * **country**, **subdivision** - whose public holidays close a day, observed days too; None for no country's.
    * **extra** - further days on which nothing opens.

    A holiday closes what opens on that day; a span from the day before runs out.

    >>> office = Calendar("office", "Europe/London", parse_hours({"mon-fri": ["09:00-17:00"]}))
    >>> office.state(datetime(2026, 7, 1, 8, 30, tzinfo=UTC))
    'open'
    """

    name: str
    timezone: str
    weekly: Week
    country: str | None = None
    subdivision: str | None = None
    extra: frozenset[date] = frozenset()

    def state(self, at: datetime) -> State:
        """Return whether *at* is open, and if not whether only a holiday closes it."""
        wall = at.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)
        state: State = "outside_hours"
        for day in (wall.date(), wall.date() - _DAY):
            since = wall - datetime.combine(day, time())
            if any(start <= since < end for start, end in self.weekly[day.weekday()]):
                if not self.is_holiday(day):
                    return "open"
                state = "holiday"
        return state

    def is_open(self, at: datetime) -> bool:
        """Return whether *at* lies in working time."""
        return self.state(at) == "open"

    def is_holiday(self, day: date) -> bool:
        """Return whether nothing opens on *day*."""
        return day in self.extra or (
            self.country is not None and day in public_holidays(self.country, self.subdivision, day.year)
        )

    def openings(self, start: datetime, end: datetime) -> tuple[Interval, ...]:
        """Return the open time between *start* and *end* as merged, half-open intervals in UTC, in order."""
        merged: list[Interval] = []
        for opens, closes in sorted(self._pieces(start, end)):
            if merged and opens <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(closes, merged[-1][1]))
            else:
                merged.append((opens, closes))
        return tuple(merged)

    def midnights(self, start: datetime, end: datetime) -> tuple[datetime, ...]:
        """Return, in UTC, where each local day begins from *start* to before *end*: its first instant."""
        first: dict[date, datetime] = {}
        for since, until, offset in _stretches(self.timezone, start - 2 * _DAY, end):
            for day in _days(_wall(since, offset), _wall(until, offset)):
                begins = max(since, _instant(datetime.combine(day, time()), offset))
                first[day] = min(begins, first.get(day, begins))
        first.pop(min(first, default=date.min), None)  # that day began before the part we looked at
        return tuple(sorted(at for at in first.values() if start <= at < end))

    def open_between(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of the time from *start* to *end* is open."""
        return sum((closes - opens for opens, closes in self.openings(start, end)), timedelta())

    def add_open(self, start: datetime, duration: timedelta) -> datetime:
        """
        Return the first instant by which *duration* of open time has passed since *start*.

        What is used up exactly at the close of a day is due at that close, not at
        the next opening. Raises `ValueError` where the calendar stays closed for over a year.
        """
        left, since, last_open = duration, start.astimezone(UTC), start
        if left <= timedelta():
            return since
        while since - last_open < _GIVE_UP:
            for opens, closes in self.openings(since, since + _STRETCH):
                if closes - opens >= left:
                    return opens + left
                left -= closes - opens
                last_open = closes
            since += _STRETCH
        message = f"calendar {self.name}: nothing opens for {_GIVE_UP.days} days"
        raise ValueError(message)

    def _pieces(self, start: datetime, end: datetime) -> Iterator[Interval]:
        for since, until, offset in _stretches(self.timezone, start, end):
            lower, upper = _wall(since, offset), _wall(until, offset)
            for day in _days(lower - _DAY, upper):
                if self.is_holiday(day):
                    continue
                midnight = datetime.combine(day, time())
                for opens, closes in self.weekly[day.weekday()]:
                    inside = max(midnight + opens, lower), min(midnight + closes, upper)
                    if inside[0] < inside[1]:
                        yield _instant(inside[0], offset), _instant(inside[1], offset)


@lru_cache(maxsize=512)
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Return the public holidays of one year, observed days too; raises `ValueError` for a place nobody knows."""
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year, observed=True))
    except NotImplementedError as exc:
        message = f"no public holidays are known for {country}{f', {subdivision}' if subdivision else ''}"
        raise ValueError(message) from exc


def _wall(at: datetime, offset: timedelta) -> datetime:
    return at.replace(tzinfo=None) + offset


def _instant(wall: datetime, offset: timedelta) -> datetime:
    return (wall - offset).replace(tzinfo=UTC)


def _days(lower: datetime, upper: datetime) -> Iterator[date]:
    """Yield the dates that the half-open wall-clock range touches."""
    day = lower.date()
    while datetime.combine(day, time()) < upper:
        yield day
        day += _DAY


def _stretches(zone: str, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut *start* to *end* where the zone's offset from UTC changes."""
    since, end = start.astimezone(UTC), end.astimezone(UTC)
    day = datetime.combine(since.date(), time(), UTC)
    offset = since.astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    while day < end:
        for shift, after in _shifts(zone, day):
            if since < shift < end:
                yield since, shift, offset
                since = shift
            if shift <= since:
                offset = after
        day += _DAY
    if since < end:
        yield since, end, offset


@lru_cache(maxsize=4096)
def _shifts(zone: str, day: datetime) -> tuple[tuple[datetime, timedelta], ...]:
    """
    Return the changes of offset in one UTC day, each with the offset that follows.

    The tz database gives no list of them, so we look every six hours and narrow a
    difference down to its second; no zone changes twice within six hours.
    """
    tz = ZoneInfo(zone)
    found = []
    for step in range(4):
        low, high = day + step * _PROBE, day + (step + 1) * _PROBE
        before, after = _offset(tz, low), _offset(tz, high)
        if before == after:
            continue
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            low, high = (middle, high) if _offset(tz, middle) == before else (low, middle)
        found.append((high, after))
    return tuple(found)


def _offset(tz: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(tz).utcoffset() or timedelta()
