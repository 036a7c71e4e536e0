"""
The numbers of one day, folded from events: how soon people who asked for a call were called.

A lead counts on the day and in the hour of its submission, under its first
contact, whoever made it. Events may come twice and in any order. What is kept is
bounded: of a day with more leads than that, the newest count, and the numbers say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from statistics import median
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from router.domain.policy import Policy
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadClosed, LeadTouched, LeadUnassigned
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.sla import SlaBreached, SlaEvent, SlaMet
from router.events.submission import FormSubmitted

IN_TIME = 300.0
"""Five minutes: the first contact that the odds of a sale hang on."""

MOST = 20_000
EDGES = (0.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0)
BANDS = ("under 1 min", "1-5 min", "5-15 min", "15-60 min", "1-4 h", "over 4 h")
NOT_YET = "not yet"

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
    """What became of one submission that went to sales. `sequence` is that of the newest event it was told by."""

    submitted_at: datetime
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
    _forms: _Newest[tuple[str, datetime]] = field(init=False)
    _decided: _Newest[tuple[str, datetime]] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self._leads, self._forms, self._decided = _Newest(self.most), _Newest(self.most), _Newest(self.most)

    def fold(self, data: EventData) -> None:
        """Take one event in; one that says nothing of the day changes nothing."""
        match data:
            case FormSubmitted(test=False):
                self._forms.put(data.submission_id, (data.form, data.submitted_at))
            case LeadDecided(test=False):
                self._decided.put(data.submission_id, (data.to, data.submitted_at))
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
        return kept or self._leads.put(told.submission_id, _Lead(told.submitted_at))

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
        self._leads.drop(lambda lead: lead.submitted_at < midnight)
        self._forms.drop(lambda form: form[1] < midnight)
        self._decided.drop(lambda decided: decided[1] < midnight)

    def numbers(self, now: datetime, zone: str) -> Numbers:
        """Return the numbers of the day that *now* lies in, where it is *zone*'s time."""
        begin = midnight(now, zone)
        leads = [
            (sub, lead)
            for sub, lead in self._leads.kept.items()
            if lead.submitted_at >= begin and (lead.seconds is not None or lead.closed in (None, "abandoned"))
        ]
        reached = [lead.seconds for _, lead in leads if lead.seconds is not None]
        hours = list(_hours(begin, now, zone))
        forms = self._forms.kept
        return Numbers(
            day=begin.astimezone(ZoneInfo(zone)).date(),
            zone=zone,
            came_in=Counter(to for to, at in self._decided.kept.values() if at >= begin),
            total=_tally("all", (lead for _, lead in leads), now),
            median_seconds=median(reached) if reached else None,
            breached=sum(lead.breached for _, lead in leads),
            met=sum(lead.met for _, lead in leads),
            bands=_bands(reached, len(leads) - len(reached)),
            by_hour=_grouped(((_hour(lead.submitted_at, zone), lead) for _, lead in leads), now, hours),
            by_form=_grouped(((forms[sub][0] if sub in forms else "not known", lead) for sub, lead in leads), now),
            by_rep=_grouped(((lead.rep_id or "", lead) for _, lead in leads), now),
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


def _hour(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%H:00")


def _hours(begin: datetime, now: datetime, zone: str) -> Iterator[str]:
    """Yield the hours of the day up to the present one, each once however the clocks are changed."""
    last = now.astimezone(ZoneInfo(zone)).hour
    return (f"{hour:02d}:00" for hour in range(last + 1) if begin <= now)


def _bands(reached: Iterable[float], not_yet: int) -> tuple[tuple[str, int], ...]:
    counts = Counter(_band(seconds) for seconds in reached)
    return (*((name, counts[name]) for name in BANDS), (NOT_YET, not_yet))


def _band(seconds: float) -> str:
    within = (name for name, (_, end) in zip(BANDS, pairwise(EDGES), strict=False) if seconds <= end)
    return next(within, BANDS[-1])


def _grouped(
    pairs: Iterable[tuple[str, _Lead]], now: datetime, names: Iterable[str] | None = None
) -> tuple[Tally, ...]:
    groups: dict[str, list[_Lead]] = {name: [] for name in names or ()}
    for name, lead in pairs:
        groups.setdefault(name, []).append(lead)
    tallies = (_tally(name, leads, now) for name, leads in groups.items())
    if names is not None:
        return tuple(sorted(tallies, key=lambda each: each.name))
    return tuple(sorted(tallies, key=lambda each: (-each.leads, each.name)))


def _tally(name: str, leads: Iterable[_Lead], now: datetime) -> Tally:
    counts = Counter(_became(lead, now) for lead in leads)
    return Tally(name, counts["in_time"], counts["late"], counts["missed"], counts["running"])


def _became(lead: _Lead, now: datetime) -> str:
    if lead.seconds is not None:
        return "in_time" if lead.seconds <= IN_TIME else "late"
    return "missed" if (now - lead.submitted_at).total_seconds() > IN_TIME else "running"
