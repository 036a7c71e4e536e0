"""
The numbers of one day, folded from events: how soon people who asked for a call were called.

A lead counts on the day and in the hour of its submission, under its first
contact, whoever made it. Events may come twice and in any order. What is kept is
bounded: of a day with more leads than that, the newest count, and the numbers say so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from statistics import median
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from router.domain.policy import Policy
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadClosed, LeadTouched, LeadUnassigned
from router.events.base import EventData, to_millis
from router.events.decision import LeadDecided
from router.events.sla import SlaBreached, SlaEvent, SlaMet
from router.events.submission import FormSubmitted

IN_TIME = 300.0
"""Five minutes: the first contact that the odds of a sale hang on."""

MOST = 20_000
ENDS = (60.0, 300.0, 900.0, 3600.0, 14_400.0)
BANDS = ("under 1 min", "1-5 min", "5-15 min", "15-60 min", "1-4 h", "over 4 h")
NOT_YET = "not yet"
NOT_KNOWN = "not known"

_QUARTER = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Counts = Counter[str]
_Groups = defaultdict[str, _Counts]

T = TypeVar("T")


class _Newest(Generic[T]):
    """A mapping that holds only so many, and forgets the oldest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.kept: dict[str, T] = {}
        self.forgot = False

    def put(self, key: str, value: T) -> T:
        self.kept[key] = value
        if len(self.kept) > self._most:
            del self.kept[next(iter(self.kept))]
            self.forgot = True
        return value

    def drop(self, old: Callable[[T], bool]) -> None:
        for key in [key for key, value in self.kept.items() if old(value)]:
            del self.kept[key]
        self.forgot = self.forgot and len(self.kept) == self._most


@dataclass(slots=True)
class _Lead:
    """What became of one submission that went to sales (at, in ms). `sequence` is that of the newest event of it."""

    submitted_at: int
    rep_id: str | None = None
    seconds: float | None = None
    closed: str | None = None
    breached: bool = False
    met: bool = False
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """
    Leads of one hour, form or rep.

    * **in_time** - reached within five minutes; **late** - reached later.
    * **missed** - not reached, and the five minutes are over; **running** - not reached, and they are not.
    """

    name: str
    in_time: int = 0
    late: int = 0
    missed: int = 0
    running: int = 0

    @property
    def leads(self) -> int:
        """How many there are."""
        return self.in_time + self.late + self.missed + self.running

    @property
    def share(self) -> float | None:
        """
        The share that was reached within five minutes, of those of which that is settled.

        >>> Tally("web", in_time=3, late=1, running=5).share
        0.75
        """
        settled = self.in_time + self.late + self.missed
        return self.in_time / settled if settled else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """
    One day up to one moment.

    * **came_in** - submissions by where they went; **total** - the leads for sales among them.
    * **median_seconds** - to the first contact, of those reached.
    * **breached**, **met** - clocks of the policy's own targets.
    * **bands** - how many leads were reached how soon, and last those that were not.
    * **complete** - False where the day had more than is kept.
    """

    day: date
    zone: str
    came_in: Mapping[str, int]
    total: Tally
    median_seconds: float | None
    breached: int
    met: int
    bands: tuple[tuple[str, int], ...]
    by_hour: tuple[Tally, ...]
    by_form: tuple[Tally, ...]
    by_rep: tuple[Tally, ...]
    complete: bool = True


@dataclass(slots=True)
class Day:
    """Folds events in, and gives the numbers of the day that a moment lies in; *most* bounds what is kept."""

    most: int = MOST
    _leads: _Newest[_Lead] = field(init=False)
    _forms: _Newest[tuple[str, int]] = field(init=False)
    _decided: _Newest[tuple[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self._leads, self._forms, self._decided = _Newest(self.most), _Newest(self.most), _Newest(self.most)

    def fold(self, data: EventData) -> None:
        """Take one event in; one that says nothing of the day changes nothing."""
        match data:
            case FormSubmitted(test=False):
                self._forms.put(data.submission_id, (data.form, to_millis(data.submitted_at)))
            case LeadDecided(test=False):
                self._decided.put(data.submission_id, (data.to, to_millis(data.submitted_at)))
            case AssignmentEvent():
                self._assignment(data)
            case SlaBreached():
                self._lead(data).breached = True
            case SlaMet():
                self._lead(data).met = True
            case _:
                pass

    def _lead(self, told: AssignmentEvent | SlaEvent) -> _Lead:
        kept = self._leads.kept.get(told.submission_id)
        return kept or self._leads.put(told.submission_id, _Lead(to_millis(told.submitted_at)))

    def _assignment(self, told: AssignmentEvent) -> None:
        lead = self._lead(told)
        if isinstance(told, LeadTouched):
            lead.seconds = max(0.0, (told.acted_at - told.submitted_at).total_seconds())
        elif isinstance(told, LeadClosed):
            lead.closed = told.reason
        if told.sequence < lead.sequence:
            return
        lead.sequence = told.sequence
        if isinstance(told, LeadUnassigned):
            lead.rep_id = None
        elif isinstance(told, LeadAssigned | LeadTouched):
            lead.rep_id = told.rep_id

    def forget_before(self, midnight: datetime) -> None:
        """Let go of all that was submitted before *midnight*."""
        begin = to_millis(midnight)
        self._leads.drop(lambda lead: lead.submitted_at < begin)
        self._forms.drop(lambda form: form[1] < begin)
        self._decided.drop(lambda decided: decided[1] < begin)

    def numbers(self, now: datetime, zone: str) -> Numbers:
        """Return the numbers of the day that *now* lies in, in *zone*'s time: one pass over the leads."""
        day = midnight(now, zone)
        begin, at, local = to_millis(day), to_millis(now), ZoneInfo(zone)
        total: _Counts = Counter()
        hours, forms, reps = _Groups(Counter), _Groups(Counter), _Groups(Counter)
        for hour in range(now.astimezone(local).hour + 1):
            hours[f"{hour:02d}:00"] = Counter()
        reached: list[float] = []
        breached = met = 0
        known = self._forms.kept
        for submission, lead in self._leads.kept.items():
            if lead.submitted_at < begin or (lead.seconds is None and lead.closed not in (None, "abandoned")):
                continue
            became = _became(lead, at)
            total[became] += 1
            hours[_hour(lead.submitted_at // _QUARTER, local)][became] += 1
            forms[known[submission][0] if submission in known else NOT_KNOWN][became] += 1
            reps[lead.rep_id or ""][became] += 1
            breached += lead.breached
            met += lead.met
            if lead.seconds is not None:
                reached.append(lead.seconds)
        return Numbers(
            day=day.astimezone(local).date(),
            zone=zone,
            came_in=Counter(to for to, when in self._decided.kept.values() if when >= begin),
            total=_tally("all", total),
            median_seconds=median(reached) if reached else None,
            breached=breached,
            met=met,
            bands=_bands(reached, total.total() - len(reached)),
            by_hour=tuple(_tally(name, hours[name]) for name in sorted(hours)),
            by_form=_largest(forms),
            by_rep=_largest(reps),
            complete=not (self._leads.forgot or self._decided.forgot),
        )


def midnight(now: datetime, zone: str) -> datetime:
    """
    Return when the day of *now* began in *zone*.

    >>> midnight(datetime(2026, 3, 2, 3, tzinfo=UTC), "America/New_York")
    datetime.datetime(2026, 3, 1, 5, 0, tzinfo=datetime.timezone.utc)
    """
    local = now.astimezone(ZoneInfo(zone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def zone_of(policy: Policy) -> str:
    """Return the time zone that most active reps work in; UTC where none has a calendar."""
    calendars = (policy.calendars.get(rep.calendar or "") for rep in policy.reps.values() if rep.active)
    zones = Counter(calendar.timezone for calendar in calendars if calendar is not None)
    return min(zones, key=lambda zone: (-zones[zone], zone), default="UTC")


@lru_cache(maxsize=512)
def _hour(quarter: int, zone: ZoneInfo) -> str:
    """Return the hour that a quarter of an hour since 1970 lies in: no zone's hours begin in between."""
    return (_EPOCH + quarter * timedelta(milliseconds=_QUARTER)).astimezone(zone).strftime("%H:00")


def _became(lead: _Lead, at: int) -> str:
    if lead.seconds is not None:
        return "in_time" if lead.seconds <= IN_TIME else "late"
    return "missed" if at - lead.submitted_at > IN_TIME * 1000 else "running"


def _bands(reached: Iterable[float], not_yet: int) -> tuple[tuple[str, int], ...]:
    counts = Counter(bisect_left(ENDS, seconds) for seconds in reached)
    return (*((name, counts[index]) for index, name in enumerate(BANDS)), (NOT_YET, not_yet))


def _tally(name: str, counts: _Counts) -> Tally:
    return Tally(name, counts["in_time"], counts["late"], counts["missed"], counts["running"])


def _largest(groups: _Groups) -> tuple[Tally, ...]:
    tallies = (_tally(name, counts) for name, counts in groups.items())
    return tuple(sorted(tallies, key=lambda each: (-each.leads, each.name)))
