"""
Promise 5, every clock ends, once, and a breach is told in time.

A clock belongs to an opening that had a `touch_by`. A repeat submission may lift
an open lead to an earlier `touch_by`, which no assignment event need show; so for
a lead that had one, `due_at` is taken from the clock's own events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.domain.audit.history import History
from router.domain.audit.observed import Horizon, Tolerance, Violation
from router.domain.audit.openings import Opening
from router.events.sla import SlaEvent, SlaMet, SlaResolved, SlaWarned

ENDS = {"sla.met.v1": "met", "sla.cancelled.v1": "cancelled", "sla.breached.v1": "breached"}


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock: the opening it runs for, what was told of it, and when repeats may have lifted it."""

    opening: Opening
    told: tuple[tuple[str, SlaEvent], ...]
    lifted_at: tuple[datetime, ...]

    @property
    def subject(self) -> str:
        """Return what a violation calls it."""
        return f"lead {self.opening.lead_id}, clock of {self.opening.submission_id}"

    @property
    def ends(self) -> tuple[str, ...]:
        """Return how it ended, in words; a correct clock has at most one."""
        return tuple(ENDS[ce_type] for ce_type, _ in self.told if ce_type in ENDS)

    def of(self, ce_type: str) -> tuple[SlaEvent, ...]:
        """Return its events of one type."""
        return tuple(event for each, event in self.told if each == ce_type)

    @property
    def due_at(self) -> datetime | None:
        """Return when it was due, by its own events where there are any."""
        return max((event.due_at for _, event in self.told), default=self.opening.touch_by)


def clocks(history: History, openings: Sequence[Opening]) -> tuple[Sequence[Clock], Sequence[SlaEvent]]:
    """Return a lead's clocks with what was told of them, and the events that belong to none."""
    lifts = _lifts(history)
    told: dict[str, list[tuple[str, SlaEvent]]] = defaultdict(list)
    strays = []
    for ce_type, event in history.sla:
        opening = _opening_of(event, openings, lifts)
        if opening is None:
            strays.append(event)
        else:
            told[opening.submission_id].append((ce_type, event))
    return [
        Clock(opening, tuple(told.get(opening.submission_id, ())), tuple(lifts.values()))
        for opening in openings
        if opening.touch_by is not None or opening.submission_id in told
    ], strays


def _lifts(history: History) -> Mapping[str, datetime]:
    """Return the lead's repeat submissions, which may have lifted it, with the time of their decision."""
    return {
        decisions[0].submission_id: decisions[0].decided_at
        for decisions in history.decisions.values()
        if decisions[0].to == "attached"
    }


def _opening_of(event: SlaEvent, openings: Sequence[Opening], lifts: Mapping[str, datetime]) -> Opening | None:
    for opening in openings:
        if opening.submission_id == event.submission_id:
            return opening if opening.touch_by is not None or lifts else None
    if event.submission_id not in lifts:
        return None
    return next((opening for opening in reversed(openings) if opening.at <= lifts[event.submission_id]), None)


def stray_clock_events(strays: Iterable[SlaEvent]) -> Iterable[Violation]:
    """Find events of clocks that nothing started."""
    for event in strays:
        problem = f"{type(event).__name__} of submission {event.submission_id}, which opened no clock"
        yield Violation(5, f"lead {event.lead_id}", problem)


def wrong_ends(clock: Clock, horizon: Horizon) -> Iterable[Violation]:
    """Find a clock that ended twice, or not although it had to."""
    ends = clock.ends
    if len(ends) > 1:
        yield Violation(5, clock.subject, f"ended {len(ends)} times: {', '.join(sorted(ends))}")
    elif not ends:
        yield from _not_ended(clock, horizon)
    elif ends == ("breached",):
        yield from _not_resolved(clock, horizon)
    if (resolved := len(clock.of("sla.resolved.v1"))) > 1:
        yield Violation(5, clock.subject, f"was resolved {resolved} times")
    if resolved and "breached" not in ends:
        yield Violation(5, clock.subject, "was resolved without having been breached")


def _not_ended(clock: Clock, horizon: Horizon) -> Iterable[Violation]:
    opening, due_at = clock.opening, clock.due_at
    over = opening.touched or opening.closed
    if over is not None:
        word = "touched" if opening.touched else "closed"
        if horizon.settled(over.at):
            yield Violation(5, clock.subject, f"the lead was {word}, and the clock never ended")
    elif due_at is not None and horizon.told(max(due_at, opening.at)):
        problem = f"was due {_late(horizon.until - due_at)} ago and no breach was told"
        yield Violation(5, clock.subject, problem, about="no breach")
    elif horizon.strict_end:
        yield Violation(5, clock.subject, "never ended")


def _not_resolved(clock: Clock, horizon: Horizon) -> Iterable[Violation]:
    opening = clock.opening
    if clock.of("sla.resolved.v1"):
        return
    if opening.touched is not None and horizon.settled(opening.touched.at):
        yield Violation(5, clock.subject, "was breached, the lead touched, and the clock never resolved")
    elif opening.is_open and horizon.strict_end:
        yield Violation(5, clock.subject, "was breached and neither resolved nor closed")


def untimely_breach(clock: Clock, tolerance: Tolerance) -> Iterable[Violation]:
    """Find a breach told before it was due, or later than the tolerance after both due time and arrival."""
    for event in clock.of("sla.breached.v1"):
        arrived = max((clock.opening.at, *(at for at in clock.lifted_at if at <= event.at)))
        latest = max(event.due_at, arrived) + tolerance.breach
        if event.at < event.due_at:
            yield Violation(5, clock.subject, f"breached {_late(event.due_at - event.at)} before it was due")
        elif event.at > latest:
            behind = _late(event.at - max(event.due_at, arrived))
            yield Violation(5, clock.subject, f"the breach was recorded {behind} after it was due")


def wrong_due_at(clock: Clock) -> Iterable[Violation]:
    """Find events whose `due_at` is not the lead's `touch_by`; a lead that a repeat may have lifted is not judged."""
    touch_bys = {event.touch_by for event in clock.opening.events}
    if not clock.lifted_at and any(event.due_at not in touch_bys for _, event in clock.told):
        yield Violation(5, clock.subject, "due_at is not the lead's touch_by")


def wrong_side(clock: Clock, tolerance: Tolerance) -> Iterable[Violation]:
    """Find a touch told as in time that was late, or as late that was in time."""
    for _, event in clock.told:
        spare = event.due_at - _acted(clock, event)
        in_time = isinstance(event, SlaMet) or (isinstance(event, SlaResolved) and event.in_time)
        if in_time and spare < -tolerance.rounding:
            yield Violation(5, clock.subject, f"told as in time, and touched {_late(-spare)} after due_at")
        elif isinstance(event, SlaResolved) and not event.in_time and spare > tolerance.rounding:
            yield Violation(5, clock.subject, f"told as late, and touched {_late(spare)} before due_at")


def _acted(clock: Clock, event: SlaEvent) -> datetime:
    """
    Return when the touch counts from.

    `elapsed_seconds` tells, but for a touch that its actor dates before the form was received and decided:
    the breakdown holds each station to the one before, and only the touch itself says how early it was.
    """
    told = event.submitted_at + timedelta(seconds=event.elapsed_seconds)
    parts = event.breakdown
    if clock.opening.touched is None or parts.queue or parts.accept or parts.touch:
        return told
    return min(told, clock.opening.touched.acted_at)


def wrong_sum(clock: Clock, tolerance: Tolerance) -> Iterable[Violation]:
    """Find events whose breakdown does not add up to `elapsed_seconds`."""
    for ce_type, event in clock.told:
        off = abs(sum(event.breakdown.model_dump().values()) - event.elapsed_seconds)
        if off > tolerance.rounding.total_seconds() + 1e-9:
            yield Violation(5, clock.subject, f"{ce_type}: the breakdown is {off:.3f} s away from elapsed_seconds")


def warned_again(clock: Clock) -> Iterable[Violation]:
    """Find thresholds that were warned of more than once for one due time."""
    warned = Counter((event.threshold, event.due_at) for _, event in clock.told if isinstance(event, SlaWarned))
    for (threshold, _), times in warned.items():
        if times > 1:
            yield Violation(5, clock.subject, f"warned {times} times of threshold {threshold:g}")


def _late(by: timedelta) -> str:
    return f"{by.total_seconds():.3f} s"
