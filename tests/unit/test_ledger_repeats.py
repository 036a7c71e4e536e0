"""The same person writes again while their lead is open: what is worth more lifts it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from router.domain.ledger.verbs import Clock, Step
from tests.unit.ledger_story import HOUR, MINUTE, Engine, Story, all_of, hot, kinds, only, seat

POOLS = {"all": ("in_order", ("ana", "ben")), "few": ("in_order", ("ben",))}
SLOW = {"stage": "iql", "route": "slow", "priority": 0, "steps": (Step("all", "all"),)}
FAST = {"stage": "sql", "route": "fast", "priority": 5, "steps": (Step("few", "few"),), "escalate_to": "max"}


def waiting(engine: Engine, **more: Any) -> Story:  # noqa: ANN401 - whatever a submission has
    """Return a floor with one lead that waits on the slow route, as nobody is there."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.place("L1", **{"clock": hot(story.now, first_touch=HOUR), **SLOW, **more})
    story.now += 1_000
    return story


def test_a_lead_that_waits_takes_the_new_route_and_is_placed_anew(engine: Engine) -> None:
    """New route, steps, priority and target, under the submission that opened it."""
    story = waiting(engine)
    due = story.now + 5 * MINUTE * 1000
    facts = story.place("L1", clock=hot(story.now), **FAST)
    assert (facts[0]["to"], kinds(facts)) == ("attached", ["decided", "queued"])
    assert (facts[1]["route"], facts[1]["touch_by"], facts[1]["sub"]) == ("fast", due, "s1")
    assert kinds(story.come("ana")) == []
    assert kinds(story.come("ben")) == ["assigned", "assigned"]
    assert only(story.wait(5 * MINUTE), "breached")["due"] == due


def test_it_is_assigned_at_once_where_the_new_route_has_somebody(engine: Engine) -> None:
    """The repeat is what gets it a rep."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.come("ana")
    story.place("L1", **FAST)
    facts = story.place("L1", **{**SLOW, "stage": "sql", "priority": 9})
    assert kinds(facts) == ["decided", "assigned", "assigned"]
    assert story.holder("L1") == "ana"


def test_it_overtakes_in_the_queue(engine: Engine) -> None:
    """By its new priority, from that change on."""
    story = waiting(engine)
    story.place("L2", **{**SLOW, "priority": 3})
    story.place("L1", **{**SLOW, "priority": 5})
    story.install(seat("ana", capacity=1), seat("ben", capacity=1, order=1))
    story.come("ana")
    assert story.holders("L1", "L2") == ["ana", None]


@pytest.mark.parametrize("repeat", [SLOW, {**FAST, "stage": "mql", "priority": 0}, {**FAST, "to": "nurture"}])
def test_what_is_worth_no_more_changes_nothing(engine: Engine, repeat: dict[str, Any]) -> None:
    """Same stage and priority, less of both, or not for sales."""
    story = waiting(engine)
    assert kinds(story.place("L1", clock=hot(story.now), **repeat)) == ["decided"]
    assert (story.lead("L1").route, story.lead("L1").touch_by) == ("slow", story.now - 1_000 + HOUR * 1000)


def test_a_held_lead_keeps_rep_and_route_and_is_due_earlier(engine: Engine) -> None:
    """The rep hears of it; priority and clock are the more urgent ones; it is warned by the new clock only."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.come("ana")
    story.place("L1", clock=hot(story.now, first_touch=HOUR, warn_at=(0.5,)), **SLOW)
    story.wait(60)
    start = story.now
    facts = story.place("L1", clock=hot(start, warn_at=(0.5,)), **FAST)
    assert kinds(facts) == ["decided", "repeat"]
    lead = story.lead("L1")
    assert (lead.rep, lead.route, lead.priority, lead.stage) == ("ana", "slow", 5, "sql")
    assert lead.touch_by == start + 5 * MINUTE * 1000
    later = story.wait(2 * HOUR)
    assert [(fact["t"], fact["at"] - start) for fact in later if fact["t"] in ("warned", "breached")] == [
        ("warned", 150_000),
        ("breached", 300_000),
    ]
    assert {fact["sub"] for fact in later} == {"s1"}


def test_what_was_promised_is_never_put_off(engine: Engine) -> None:
    """A repeat minutes later, under the same target, is worth more: the first submission's clock goes on."""
    story = waiting(engine)
    first = story.lead("L1").touch_by
    story.wait(10 * MINUTE)
    story.place("L1", clock=hot(story.now, first_touch=HOUR), **FAST)
    assert (story.lead("L1").route, story.lead("L1").touch_by) == ("fast", first)


def working(story: Story, *open_: tuple[int, int], first_touch: int = 4 * HOUR) -> Clock:
    """Return a clock of working time that starts now; *open_* is when its calendar is open, in seconds from now."""
    spans = tuple((story.now + since * 1000, story.now + until * 1000) for since, until in open_)
    return replace(hot(story.now, first_touch=first_touch), open=spans)


def test_open_time_is_counted_from_the_submission_that_opened_the_lead(engine: Engine) -> None:
    """Lifted after an hour in which the calendar was open, touched a minute later: an hour and a minute were open."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.place("L1", clock=working(story, (0, 9 * HOUR)), **SLOW)
    story.wait(HOUR)
    story.place("L1", clock=working(story, (0, 8 * HOUR), first_touch=HOUR), **FAST)
    story.wait(MINUTE)
    assert only(story.act("touch", "L1", "ben"), "met")["open"] == (HOUR + MINUTE) * 1000


def test_each_hour_is_counted_by_the_calendar_that_stood_for_the_lead_then(engine: Engine) -> None:
    """Held, and lifted twice: no hour counts twice, and one that was closed before a repeat stays closed."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.come("ana")
    story.place("L1", clock=working(story, (0, HOUR), (2 * HOUR, 9 * HOUR), first_touch=9 * HOUR), **SLOW)
    story.wait(3 * HOUR)
    story.place("L1", clock=working(story, (HOUR, 6 * HOUR), first_touch=5 * HOUR), **FAST)
    story.wait(2 * HOUR)
    story.place("L1", clock=working(story, (0, 2 * HOUR), first_touch=2 * HOUR), **{**FAST, "priority": 9})
    story.wait(HOUR)
    assert only(story.act("touch", "L1", "ana"), "met")["open"] == 4 * HOUR * 1000


def test_a_lead_that_is_lifted_to_wall_time_tells_no_open_time(engine: Engine) -> None:
    """To the new clock nothing is open or closed."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.place("L1", clock=working(story, (0, 9 * HOUR)), **SLOW)
    story.wait(MINUTE)
    story.place("L1", clock=hot(story.now, first_touch=HOUR), **FAST)
    assert "open" not in only(story.act("touch", "L1", "ben"), "met")


def test_no_threshold_is_told_twice(engine: Engine) -> None:
    """Half of the slow clock had passed; half of the fast one is no news under the same name."""
    story = waiting(engine, clock=None)
    story.place("L2", clock=hot(story.now, first_touch=20 * MINUTE, warn_at=(0.5, 0.8)), **SLOW)
    assert kinds(story.wait(10 * MINUTE)) == ["warned", "sla_warning"]
    story.place("L2", clock=hot(story.now, first_touch=6 * MINUTE, warn_at=(0.5, 0.8)), **FAST)
    assert [fact["threshold"] for fact in all_of(story.wait(6 * MINUTE), "warned")] == [0.8]


def test_a_breach_that_was_told_stays_told(engine: Engine) -> None:
    """One clock for each opening: lifting starts no second one."""
    story = waiting(engine)
    story.wait(HOUR)
    story.place("L1", clock=hot(story.now), **FAST)
    assert all_of(story.wait(HOUR), "breached") == []
    assert len(all_of(story.facts, "breached")) == 1


def test_a_repeat_that_is_already_late_is_told_at_once(engine: Engine) -> None:
    """Held or waiting: the news came late, and somebody hears of that."""
    story = waiting(engine)
    facts = story.place("L1", clock=hot(story.now - HOUR * 1000), **FAST)
    assert kinds(facts) == ["decided", "queued", "breached"]
    story.come("ana")
    story.place("L2", clock=hot(story.now, first_touch=HOUR), **SLOW)
    late = story.place("L2", clock=hot(story.now - HOUR * 1000, on_breach=("notify_manager",)), **FAST)
    assert kinds(late) == ["decided", "repeat", "breached", "sla_breach", "sla_breach"]


def test_a_lead_without_a_clock_gets_one(engine: Engine) -> None:
    """The first route had no target; the second has."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.come("ana")
    story.place("L1", **SLOW)
    story.place("L1", clock=hot(story.now), **FAST)
    assert kinds(story.wait(5 * MINUTE)) == ["breached", "sla_breach"]


def test_the_next_rep_reads_what_lifted_the_lead(engine: Engine) -> None:
    """The newest words of the person stand on the card."""
    story = Story(engine, "ana", "ben", pools=POOLS)
    story.come("ana", "ben")
    story.place("L1", card='{"message":"hm"}', **SLOW)
    story.place("L1", card='{"message":"now!"}', **FAST)
    assert only([f for f in story.act("decline", "L1", "ana") if f["t"] == "notify"], "assigned")["card"] == (
        '{"message":"now!"}'
    )
