"""
Working hours as people write them: `{"mon-fri": ["09:00-17:00"]}`.

What they mean on a given day, in a given zone, is in `router.domain.calendar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import pairwise

Span = tuple[timedelta, timedelta]
"""From and to, half-open, counted from the midnight of the day the span starts on; past midnight it is over 24 h."""

Week = tuple[tuple[Span, ...], ...]
"""The spans of each day, Monday first."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


def parse_hours(hours: Mapping[str, Iterable[str]]) -> Week:
    """
    Read weekly hours: a day or a range of days to a list of `HH:MM-HH:MM`.

    `24:00` may end a span; an end at or before the start is on the next day.
    Raises `ValueError` for an unknown day, a span that cannot be read, equal
    ends, an overlap, and for hours that never open.

    >>> parse_hours({"fri-sat": ["22:00-02:00"]})[4]
    ((datetime.timedelta(seconds=79200), datetime.timedelta(days=1, seconds=7200)),)
    """
    week: list[list[Span]] = [[] for _ in DAYS]
    for key, spans in hours.items():
        if isinstance(spans, str):
            message = f'"{key}" needs a list of spans, like ["{spans}"]'
            raise ValueError(message)  # noqa: TRY004 - a mistake in a file, not in a program
        parsed = [parse_span(text) for text in spans]
        for day in _days(key):
            week[day].extend(parsed)
    _refuse_overlaps(week)
    return tuple(tuple(sorted(spans)) for spans in week)


def parse_span(text: str) -> Span:
    """
    Read one span of a day.

    >>> parse_span("22:00-24:00")
    (datetime.timedelta(seconds=79200), datetime.timedelta(days=1))
    """
    match = _SPAN.fullmatch(str(text).strip())
    if match is None:
        message = f'"{text}" is not a span of a day; write HH:MM-HH:MM, like 09:00-17:00'
        raise ValueError(message)
    from_hour, from_minute, to_hour, to_minute = match.groups()
    start = timedelta(hours=int(from_hour), minutes=int(from_minute))
    if to_hour is None:
        return start, _DAY
    end = timedelta(hours=int(to_hour), minutes=int(to_minute))
    if end == start:
        message = f'"{text}" starts and ends at the same time; a whole day is 00:00-24:00'
        raise ValueError(message)
    return start, end if end > start else end + _DAY


def _days(key: str) -> Iterator[int]:
    first, dash, last = (part.strip() for part in str(key).lower().partition("-"))
    for name in (first, last) if dash else (first,):
        if name not in DAYS:
            message = f'"{key}" is not a day or a range of days; days are {", ".join(DAYS)}'
            raise ValueError(message)
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 if dash else 0
    return (day % 7 for day in range(start, start + length + 1))


def _refuse_overlaps(week: list[list[Span]]) -> None:
    spans = sorted(
        (start + number * _DAY, end + number * _DAY, DAYS[number])
        for number, day in enumerate(week)
        for start, end in day
    )
    if not spans:
        message = "these hours never open; give at least one day a span"
        raise ValueError(message)
    first = spans[0]
    for (_, end, day), (start, _, next_day) in pairwise([*spans, (first[0] + _WEEK, first[1] + _WEEK, first[2])]):
        if start < end:
            message = f"two spans overlap: one that starts on {day} runs into one of {next_day}"
            raise ValueError(message)
