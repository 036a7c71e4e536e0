"""The numbers of a day, from events: what counts, where, and that repeats and disorder change nothing."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.domain.board.day import Day, Tally, midnight
from router.events.assignment import LeadAssigned, LeadClosed, LeadQueued, LeadTouched, LeadUnassigned
from router.events.base import EventData
from router.events.sla import Breakdown, SlaBreached
from router.events.submission import FormSubmitted

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONE = "UTC"


def _common(sub: str, sequence: int, submitted: datetime, rep: str | None, **more: object) -> dict[str, object]:
    return {
        "lead_id": f"ld-{sub}",
        "submission_id": sub,
        "sequence": sequence,
        "attempt": 1,
        "rep_id": rep,
        "route": "hot",
        "step": 1,
        "pool": "desk",
        "reason": None,
        "at": submitted,
        "submitted_at": submitted,
        "touch_by": None,
        "accept_by": None,
        "policy_version": "p1",
        **more,
    }


def form(sub: str, name: str = "demo", at: datetime = NOON) -> FormSubmitted:
    """A submission."""
    return FormSubmitted(submission_id=sub, submitted_at=at, form=name, email="a@x.example")


def queued(sub: str, sequence: int = 1, at: datetime = NOON) -> EventData:
    """A lead that waits."""
    return LeadQueued.model_validate(_common(sub, sequence, at, None))


def assigned(sub: str, rep: str, sequence: int = 2, at: datetime = NOON) -> EventData:
    """A lead that a rep has."""
    return LeadAssigned.model_validate(_common(sub, sequence, at, rep, candidates=(), considered=0))


def touched(sub: str, rep: str, after: float, sequence: int = 3, at: datetime = NOON) -> EventData:
    """A lead that was reached *after* so many seconds."""
    acted = at + timedelta(seconds=after)
    return LeadTouched.model_validate(_common(sub, sequence, at, rep, acted_at=acted))


def breached(sub: str, at: datetime = NOON) -> EventData:
    """A clock that ran out."""
    return SlaBreached(
        lead_id=f"ld-{sub}",
        submission_id=sub,
        target="hot",
        target_seconds=300,
        submitted_at=at,
        due_at=at,
        at=at,
        elapsed_seconds=300,
        rep_id=None,
        attempt=0,
        breakdown=Breakdown(ingest=0, decide=0, queue=300, accept=0, touch=0),
    )


def folded(*events: EventData, most: int = 1000) -> Day:
    """A day that has taken *events* in."""
    day = Day(most)
    for event in events:
        day.fold(event)
    return day


STORY = (
    form("a"),
    assigned("a", "ana", 1),
    touched("a", "ana", 40, 2),
    form("b", "ebook"),
    queued("b", 3),
    assigned("b", "ana", 4),
    LeadUnassigned.model_validate({**_common("b", 5, NOON, "ana"), "reason": "declined"}),
    assigned("b", "ben", 6),
    breached("b"),
    touched("b", "ben", 900.5, 7),
    form("c"),
    queued("c", 8),
)


def test_leads_are_told_by_hour_form_and_rep() -> None:
    """Each lead counts once: under its hour, its form, and whoever made the first contact."""
    numbers = folded(*STORY).numbers(NOON + timedelta(minutes=20), ZONE)

    assert numbers.total == Tally("all", in_time=1, late=1, missed=1)
    assert numbers.total.share == 1 / 3
    assert numbers.median_seconds == (40 + 900.5) / 2
    assert numbers.breached == 1
    assert numbers.by_hour[-1] == Tally("12:00", in_time=1, late=1, missed=1)
    assert [tally.leads for tally in numbers.by_hour] == [0] * 12 + [3]
    assert numbers.by_form == (Tally("demo", in_time=1, missed=1), Tally("ebook", late=1))
    assert numbers.by_rep == (Tally("", missed=1), Tally("ana", in_time=1), Tally("ben", late=1))
    assert dict(numbers.bands) == {
        "under 1 min": 1,
        "1-5 min": 0,
        "5-15 min": 0,
        "15-60 min": 1,
        "1-4 h": 0,
        "over 4 h": 0,
        "not yet": 1,
    }


@given(st.randoms(use_true_random=False))
def test_repeats_and_disorder_change_nothing(shuffle: random.Random) -> None:
    """The same events in any order, some of them twice, give the same numbers."""
    events = [*STORY, *shuffle.choices(STORY, k=5)]
    shuffle.shuffle(events)

    now = NOON + timedelta(minutes=20)
    assert folded(*events).numbers(now, ZONE) == folded(*STORY).numbers(now, ZONE)


def test_a_young_lead_is_not_missed_yet() -> None:
    """Until its five minutes are over a lead counts neither for nor against the share."""
    day = folded(queued("a"))

    assert day.numbers(NOON + timedelta(minutes=5), ZONE).total == Tally("all", running=1)
    assert day.numbers(NOON + timedelta(minutes=5), ZONE).total.share is None
    assert day.numbers(NOON + timedelta(minutes=5, seconds=1), ZONE).total == Tally("all", missed=1)


def test_who_was_closed_untouched_counts_against_nobody() -> None:
    """A lead that turned out to be none is left out; one that was given up as too old is not."""
    closed = LeadClosed.model_validate({**_common("a", 9, NOON, None), "reason": "disqualified"})
    given_up = LeadClosed.model_validate({**_common("b", 9, NOON, None), "reason": "abandoned"})

    numbers = folded(queued("a"), closed, queued("b"), given_up).numbers(NOON + timedelta(hours=1), ZONE)

    assert numbers.total == Tally("all", missed=1)


def test_the_day_is_that_of_the_zone() -> None:
    """A lead of yesterday evening does not count after midnight, and the memory of it can be let go of."""
    late = NOON.replace(hour=23, minute=59)
    day = folded(queued("a", at=late), form("a", at=late), queued("b", 2, at=late + timedelta(minutes=2)))
    now = late + timedelta(minutes=3)

    assert day.numbers(now, ZONE).total.leads == 1
    assert day.numbers(now, "America/New_York").total.leads == 2
    day.forget_before(midnight(now, ZONE))
    assert day.numbers(now, "America/New_York").total.leads == 1


def test_memory_is_bounded_and_the_numbers_say_so() -> None:
    """Of more leads than are kept the newest count, and the numbers are told to be incomplete."""
    day = folded(*(queued(f"s{number}", number + 1) for number in range(7)), most=5)

    numbers = day.numbers(NOON, ZONE)

    assert numbers.total.leads == 5
    assert not numbers.complete
    assert folded(queued("a")).numbers(NOON, ZONE).complete
