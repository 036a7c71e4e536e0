"""Reminders before an offer runs out, and the end of leads that nobody ever touches."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import DAY, HOUR, MINUTE, Engine, Story, all_of, hot, kinds, only, seat

OFFER = (Step("all", "all", accept_within=60_000),)


def test_the_holder_is_reminded_once_at_half_of_the_time(engine: Engine) -> None:
    """Not before, and not again; the next one gets a reminder of their own."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    assert story.wait(29.9) == []
    told = story.wait(0.1)
    assert [(fact["kind"], fact["to"], fact["attempt"]) for fact in told] == [("reminder", "ana", 1)]
    story.wait(29.9)
    assert all_of(story.facts, "reminder") == told
    story.wait(60)
    assert [fact["to"] for fact in all_of(story.facts, "reminder")] == ["ana", "ben"]


@pytest.mark.parametrize("how", ["accept", "touch", "decline", "close", "offline"])
def test_nobody_is_reminded_of_what_is_settled(engine: Engine, how: str) -> None:
    """Paging after acknowledgement is how people learn not to listen (grafana/oncall 4654)."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", steps=OFFER)
    if how == "close":
        story.close("L1")
    elif how == "offline":
        story.come("ana", status="offline")
    else:
        story.act(how, "L1", "ana")
    assert all_of(story.wait(29), "reminder") == []
    assert all_of(story.wait(1), "reminder") == []


def test_a_direct_assignment_has_nothing_to_be_reminded_of(engine: Engine) -> None:
    """Acceptance is optional there."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    assert story.wait(HOUR) == []


@pytest.mark.parametrize("state", ["held", "accepted", "waiting"])
def test_an_open_lead_is_given_up_when_it_is_too_old(engine: Engine, state: str) -> None:
    """Seven days after its submission, to the tick: closed, its rep is free, and the manager hears of it."""
    story = Story(engine, "ana")
    if state != "waiting":
        story.come("ana")
    story.place("L1", submitted_at=story.now - 1_000)
    if state == "accepted":
        story.act("accept", "L1", "ana")
    assert all_of(story.wait(7 * DAY - 1.001), "closed") == []
    facts = story.wait(0.001)
    assert only(facts, "closed")["reason"] == "abandoned"
    told = only(facts, "sla_breach")
    assert (told["role"], told["to"], told["about"]) == ("manager", "mia", "abandoned:s1")
    assert (story.lead("L1").state, story.rep("ana").load) == ("closed", 0)
    assert story.wait(DAY) == []


def test_what_is_given_up_ends_its_clock_once(engine: Engine) -> None:
    """Breached was told: the close ends it. Not yet breached: it is cancelled."""
    story = Story(engine, "ana", max_age=HOUR * 1000)
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.place("L2", clock=hot(story.now, first_touch=2 * HOUR))
    story.wait(HOUR)
    ends = [(fact["t"], fact["lead"]) for fact in story.facts if fact["t"] in ("breached", "cancelled", "resolved")]
    assert ends == [("breached", "L1"), ("cancelled", "L2")]


def test_giving_up_serves_the_queue(engine: Engine) -> None:
    """A forgotten click must not cost a rep's capacity for ever."""
    story = Story(engine, "ana", max_age=HOUR * 1000)
    story.come("ana")
    for number in range(3):
        story.place(f"L{number}")
    story.wait(30 * MINUTE)
    story.place("L9")
    assert story.holder("L9") is None
    story.wait(30 * MINUTE)
    assert story.holder("L9") == "ana"


def test_the_age_is_that_of_the_policy_in_force(engine: Engine) -> None:
    """A limit that is lowered holds for leads that are open already."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    story.wait(2 * HOUR)
    story.limits["max_age"] = HOUR * 1000
    story.install()
    assert kinds(story.wait(0))[:1] == ["closed"]


def test_a_person_who_was_given_up_opens_a_lead_again(engine: Engine) -> None:
    """They write once more: the lead opens anew, with its own clock."""
    story = Story(engine, "ana", max_age=HOUR * 1000)
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.wait(HOUR)
    assert kinds(story.place("L1", clock=hot(story.now))) == ["decided", "assigned", "assigned"]
    assert story.lead("L1").attempt == 2


def test_a_working_clock_says_how_much_of_the_time_was_open(engine: Engine) -> None:
    """Beside the wall time: what lies within the calendar, up to the touch."""
    story = Story(engine, "ana")
    story.come("ana")
    start = story.now
    spans = ((start - HOUR * 1000, start + MINUTE * 1000), (start + HOUR * 1000, start + 9 * HOUR * 1000))
    clock = hot(start, first_touch=2 * HOUR)
    story.place("L1", clock=type(clock)(clock.target, clock.first_touch, clock.due_at, (), (), spans))
    story.wait(HOUR + 2 * MINUTE)
    facts = story.act("touch", "L1", "ana", ago=60)
    met = only(facts, "met")
    assert (met["open"], met["end"] - start) == (2 * MINUTE * 1000, (HOUR + MINUTE) * 1000)


def test_a_rep_without_a_manager_is_no_reason_to_tell_nobody(engine: Engine) -> None:
    """Then whoever answers for leads of the route hears of the breach."""
    story = Story(engine, seat("ana", manager=None))
    story.come("ana")
    story.place("L1", clock=hot(story.now, on_breach=("notify_manager",)), escalate_to="max")
    assert [fact["to"] for fact in all_of(story.wait(5 * MINUTE), "sla_breach")] == ["ana", "max"]
