"""Who is served next, from which step, and when a waiting lead is looked at again."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Audience, Step
from tests.unit.ledger_story import DAY, HOUR, Engine, Story, hot, kinds, office, seat

POOLS = {"inner": ("in_order", ("ana", "ann")), "outer": ("in_order", ("ben",))}
WIDENING = (Step("inner", "inner", widen_after=90_000), Step("outer", "outer"))
JOINED = (Step("inner", "inner"), Step("outer", "outer"))


def floor(engine: Engine) -> Story:
    """Begin a story with an inner pool of ana and ann and an outer one of ben, each with room for one lead."""
    seats = [seat(rep, capacity=1) for rep in ("ana", "ann", "ben")]
    return Story(engine, *seats, pools=POOLS)


def served(story: Story, *leads: str) -> list[str]:
    """Let ana come and touch one lead after the other; return the order in which she was given them."""
    order = []
    story.come("ana")
    while (held := [lead for lead in leads if story.holder(lead) == "ana"]) != []:
        order += held
        story.act("touch", held[0], "ana")
    return order


def test_the_queue_is_served_by_urgency_not_by_arrival(engine: Engine) -> None:
    """Overdue by due time, then priority, then due time, then age; without a clock last in its priority."""
    story = Story(engine, seat("ana", capacity=1))
    t = story.now
    story.place("low", priority=1, clock=hot(t))
    story.place("calm", priority=5, submitted_at=t - 60_000)
    story.place("calmer", priority=5, submitted_at=t - 30_000)
    story.place("soon", priority=5, clock=hot(t, first_touch=200))
    story.place("later", priority=5, clock=hot(t, first_touch=400))
    story.place("same", priority=5, clock=hot(t, first_touch=400), submitted_at=t - 1_000)
    story.place("late", priority=-3, clock=hot(t, first_touch=30))
    story.place("later still", priority=9, clock=hot(t, first_touch=60))
    story.wait(100)
    order = served(story, "low", "calm", "calmer", "soon", "later", "same", "late", "later still")
    assert order == ["late", "later still", "soon", "same", "later", "calm", "calmer", "low"]


def test_the_backlog_does_not_starve_behind_new_work(engine: Engine) -> None:
    """A lead that is overdue comes before any number of new ones, whatever their priority (chatwoot 10376)."""
    story = Story(engine, seat("ana", capacity=1))
    story.place("old", clock=hot(story.now))
    story.wait(300)
    for number in range(5):
        story.place(f"new{number}", priority=100, clock=hot(story.now))
    assert served(story, "old", *(f"new{number}" for number in range(5)))[0] == "old"


def test_a_lead_without_a_clock_counts_as_overdue_after_a_day(engine: Engine) -> None:
    """So that it does not starve either; no event is made of it."""
    story = Story(engine, seat("ana", capacity=1))
    story.place("plain")
    assert story.wait(DAY - 1) == []
    story.place("urgent", priority=10, clock=hot(story.now))
    assert story.wait(2) == []
    assert served(story, "plain", "urgent") == ["plain", "urgent"]


def test_a_new_lead_does_not_overtake_who_waits(engine: Engine) -> None:
    """Nobody who waits could be taken by anybody free: so a new lead for a free rep takes nothing from them."""
    story = floor(engine)
    story.come("ben")
    story.place("waits", steps=(Step("inner", "inner"),))
    story.place("new", steps=(Step("outer", "outer"),))
    assert story.holders("waits", "new") == [None, "ben"]


def test_the_next_step_is_held_back_while_somebody_in_this_one_could_become_free(engine: Engine) -> None:
    """Until the lead is `widen_after` old, counted from when it was submitted."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=WIDENING)
    story.place("L1", steps=WIDENING, submitted_at=story.now - 30_000)
    assert story.holders("L0", "L1") == ["ana", None]
    assert story.wait(59.9) == []
    facts = story.wait(0.1)
    assert kinds(facts) == ["assigned", "assigned"]
    assert (facts[0]["rep"], facts[0]["step"], facts[0]["pool"]) == ("ben", 2, "outer")


def test_a_lead_that_is_old_already_finds_all_its_steps_open(engine: Engine) -> None:
    """It arrived late: the outer pool may have it at once."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=WIDENING)
    story.place("L1", steps=WIDENING, submitted_at=story.now - 90_000)
    assert story.holders("L0", "L1") == ["ana", "ben"]


def test_without_widen_after_the_next_step_joins_at_once(engine: Engine) -> None:
    """Nobody in the first step can take it now: the second may."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=JOINED)
    story.place("L1", steps=JOINED)
    assert story.holders("L0", "L1") == ["ana", "ben"]


@pytest.mark.parametrize("gone", ["never came", "busy", "away", "inactive", "capacity 0"])
def test_a_step_where_nobody_is_on_duty_is_passed_over_at_once(engine: Engine, gone: str) -> None:
    """Nobody there could become free, so nothing is gained by waiting for them."""
    story = floor(engine)
    if gone in ("busy", "away"):
        story.come("ana", status=gone)
    else:
        if gone != "never came":
            story.come("ana")
        ana = seat("ana", active=gone != "inactive", capacity=0 if gone == "capacity 0" else 1)
        story.install(ana, seat("ann", 1), seat("ben", 2))
    story.come("ben")
    story.place("L1", steps=WIDENING)
    assert story.holder("L1") == "ben"


def limited(engine: Engine, daily: int, *taken: str) -> Story:
    """Begin the same story with a daily limit, ana and ben there; ana has had and touched *taken*."""
    seats = [seat(rep, capacity=1) for rep in ("ana", "ann", "ben")]
    story = Story(engine, *seats, pools=POOLS, daily_per_rep=daily)
    story.come("ana", "ben")
    for lead in taken:
        story.place(lead, steps=WIDENING)
        story.act("touch", lead, "ana")
    return story


def test_a_step_whose_reps_are_at_the_daily_limit_holds_nothing_back(engine: Engine) -> None:
    """Ana is on duty, but cannot become free before midnight: ben has the lead at once."""
    story = limited(engine, 1, "L0")
    story.place("L1", steps=WIDENING)
    assert story.holder("L1") == "ben"
    story.come("ann")
    story.place("L2", steps=WIDENING)
    story.place("L3", steps=WIDENING)
    assert story.holders("L2", "L3") == ["ann", None]
    assert story.wait(90) == []


def test_after_midnight_who_was_at_the_limit_holds_back_again(engine: Engine) -> None:
    """Ana takes the first lead of the day; the second is for her until it is `widen_after` old."""
    story = limited(engine, 2, "L0", "L1")
    story.place("L2", steps=WIDENING)
    story.act("touch", "L2", "ben")
    story.wait(10 * HOUR)
    story.place("L3", steps=WIDENING)
    story.place("L4", steps=WIDENING)
    assert story.holders("L3", "L4") == ["ana", None]
    story.wait(90)
    assert story.holder("L4") == "ben"


def test_when_the_last_one_of_the_step_reaches_the_daily_limit_the_next_one_opens(engine: Engine) -> None:
    """In the very change that gives ana her last lead of the day, for all who wait there."""
    story = limited(engine, 2)
    for lead in ("L0", "L1", "L2"):
        story.place(lead, steps=WIDENING)
    assert story.holders("L0", "L1", "L2") == ["ana", None, None]
    assert kinds(story.act("touch", "L0", "ana")) == ["touched", *["assigned", "assigned"] * 2]
    assert story.holders("L1", "L2") == ["ana", "ben"]


def test_who_comes_free_in_the_next_step_takes_what_the_limit_left_behind(engine: Engine) -> None:
    """Ben was full when ana reached her limit; the lead need not wait for its `widen_after` when he is not."""
    story = limited(engine, 2)
    story.place("of ben", steps=WIDENING[1:])
    for lead in ("L0", "L1", "L2"):
        story.place(lead, steps=WIDENING)
    story.act("touch", "L0", "ana")
    assert story.holders("L1", "L2") == ["ana", None]
    story.act("touch", "of ben", "ben")
    assert story.holder("L2") == "ben"


def test_a_lead_that_found_nobody_beyond_the_limit_is_served_at_midnight(engine: Engine) -> None:
    """All steps were open to it and ben was full; ana's new day comes first."""
    story = limited(engine, 1, "L0")
    story.place("L1", steps=WIDENING)
    story.place("L2", steps=WIDENING)
    assert story.holders("L1", "L2") == ["ben", None]
    assert story.wait(10 * HOUR - 2) == []
    story.wait(2)
    assert story.holder("L2") == "ana"


def test_a_policy_with_a_smaller_daily_limit_opens_the_next_step(engine: Engine) -> None:
    """Ana is full before and after; only now can she not become free any more today."""
    story = limited(engine, 2)
    story.place("L0", steps=WIDENING)
    story.place("L1", steps=WIDENING)
    assert story.holder("L1") is None
    story.limits["daily_per_rep"] = 1
    assert kinds(story.install()) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_who_is_at_the_daily_limit_is_still_somebody_else_on_duty(engine: Engine) -> None:
    """A lead that ana declined does not go back to her while ann is there, though ann takes none today."""
    story = limited(engine, 2)
    story.come("ann")
    story.come("ana", status="busy")
    steps = WIDENING[:1]
    for lead in ("L0", "L1"):
        story.place(lead, steps=steps)
        story.act("touch", lead, "ann")
    story.come("ana")
    story.place("L2", steps=steps)
    story.act("decline", "L2", "ana")
    story.wait(HOUR)
    assert story.holder("L2") is None
    story.come("ann", status="busy")
    assert story.holder("L2") == "ana"


def test_when_the_last_one_on_duty_leaves_the_step_the_next_one_opens(engine: Engine) -> None:
    """In that very change, for all who wait there."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=WIDENING)
    story.act("accept", "L0", "ana")
    story.place("L1", steps=WIDENING)
    assert story.holder("L1") is None
    assert kinds(story.come("ana", status="busy")) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_a_step_is_passed_over_for_a_lead_whose_only_rep_there_was_tried(engine: Engine) -> None:
    """Ana declined it: for this lead nobody else in her step could become free, so the outer pool has it at once."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L1", steps=WIDENING)
    assert kinds(story.act("decline", "L1", "ana")) == ["unassigned", "assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_a_lead_that_was_tried_is_served_though_its_neighbour_in_the_queue_is_not(engine: Engine) -> None:
    """
    Two leads wait alike, but one was declined by ana: her step is over for it, and the outer rep who is freed takes it.

    The other one, before it in the queue, still waits for ana.
    """
    story = floor(engine)
    story.come("ana", "ann", "ben")
    story.place("of ben", steps=(Step("outer", "outer"),))
    story.place("tried", steps=WIDENING)
    story.place("of ann", steps=(Step("inner", "inner"),))
    story.act("decline", "tried", "ana")
    story.place("of ana", steps=(Step("inner", "inner"),))
    story.place("first", priority=9, steps=WIDENING)
    story.come("ann", status="busy")
    assert story.holders("tried", "first") == [None, None]
    assert kinds(story.act("touch", "of ben", "ben")) == ["touched", "assigned", "assigned"]
    assert story.holders("tried", "first") == ["ben", None]


def test_three_steps_open_one_after_the_other(engine: Engine) -> None:
    """Each by its own age; the later one may have a shorter wait, and then is open with the one before."""
    pools = {rep: ("in_order", (rep,)) for rep in ("ana", "ben", "cai")}
    story = Story(engine, *(seat(rep, capacity=1) for rep in pools), pools=pools)
    story.come("ana", "ben", "cai")
    for rep in pools:
        story.place(f"of {rep}", steps=(Step(rep, rep),))
    story.place("L1", steps=(Step("ana", "ana", None, 20_000), Step("ben", "ben", None, 60_000), Step("cai", "cai")))
    story.act("touch", "of cai", "cai")
    story.wait(30)
    assert story.holder("L1") is None
    story.wait(30)
    assert story.holder("L1") == "cai"


def test_a_waiting_lead_goes_to_the_first_open_step_that_can_take_it(engine: Engine) -> None:
    """Ben and ana become free at the same time: the inner pool is before the outer one."""
    story = floor(engine)
    story.place("L1", steps=JOINED)
    story.install(*(seat(rep, i, capacity=0) for i, rep in enumerate(("ana", "ann", "ben"))))
    story.come("ben", "ana")
    story.install(*(seat(rep, i, capacity=1) for i, rep in enumerate(("ana", "ann", "ben"))))
    assert story.holder("L1") == "ana"


def test_an_audience_that_grows_is_served(engine: Engine) -> None:
    """Another member is free: what waits for the audience goes to them at once."""
    story = floor(engine)
    story.come("ben")
    story.place("L1", steps=(Step("inner", "inner"),))
    facts = story.do(Audience("inner", "inner", "in_order", ("ana", "ben"))).facts
    assert kinds(facts) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_an_audience_that_gains_somebody_who_was_tried_is_served_too(engine: Engine) -> None:
    """Nobody else is there, and the one who comes in had the lead long enough ago."""
    story = floor(engine)
    story.come("ana")
    story.place("L1", steps=(Step("inner", "inner"),))
    story.do(Audience("inner", "inner", "in_order", ()))
    story.act("decline", "L1", "ana")
    assert story.wait(60) == []
    assert kinds(story.do(Audience("inner", "inner", "in_order", ("ana",))).facts) == ["assigned", "assigned"]


def test_an_audience_that_shrinks_opens_the_next_step(engine: Engine) -> None:
    """Who was on duty in it is not in it any more: nobody there could become free."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=(Step("inner", "inner"),))
    story.place("L1", steps=WIDENING)
    assert story.holders("L0", "L1") == ["ana", None]
    assert kinds(story.do(Audience("inner", "inner", "in_order", ())).facts) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_an_audience_told_again_changes_nothing(engine: Engine) -> None:
    """Every worker tells the audiences that it meets."""
    story = floor(engine)
    story.come("ana", "ben")
    story.place("L0", steps=(Step("inner", "inner"),))
    story.place("L1", steps=WIDENING)
    assert story.do(Audience("inner", "inner", "in_order", ("ann", "ana"))).facts == []


def test_the_opening_of_a_calendar_drains_the_queue(engine: Engine) -> None:
    """At the opening itself, to the rep who said they are available long before."""
    story = Story(engine, seat("ana", calendar="office"), calendars=office((1, "open"), (9, "outside_hours")))
    story.come("ana")
    assert kinds(story.place("L1")) == ["decided", "queued", "no_rep_available"]
    assert story.wait(HOUR - 1) == []
    assert kinds(story.wait(1)) == ["assigned", "assigned"]


@pytest.mark.parametrize("state", ["outside_hours", "holiday"])
def test_the_close_of_a_calendar_stops_new_leads_and_takes_none_away(engine: Engine, state: str) -> None:
    """The rep finishes what they have; the next lead goes to somebody at work."""
    story = Story(engine, seat("ana", calendar="office"), "ben", calendars=office((-1, "open"), (1, state)))
    story.come("ana", "ben")
    story.place("L1", steps=(Step("all", "all", accept_within=3 * HOUR * 1000),))
    assert story.wait(HOUR) == []
    story.place("L2")
    assert story.holders("L1", "L2") == ["ana", "ben"]
    assert kinds(story.act("accept", "L1", "ana")) == ["accepted"]


def test_a_close_opens_the_next_step(engine: Engine) -> None:
    """The inner pool went home: what waits there may go on at once."""
    pools = {"inner": ("in_order", ("ana",)), "outer": ("in_order", ("ben",))}
    story = Story(
        engine,
        seat("ana", capacity=1, calendar="office"),
        "ben",
        pools=pools,
        calendars=office((-1, "open"), (1, "holiday")),
    )
    story.come("ana", "ben")
    story.place("L0", steps=(Step("inner", "inner"),))
    story.place("L1", steps=(Step("inner", "inner", widen_after=DAY * 1000), Step("outer", "outer")))
    assert story.wait(HOUR - 1) == []
    assert kinds(story.wait(1)) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_beyond_the_known_edges_a_calendar_is_closed(engine: Engine) -> None:
    """Nobody is taken for working because nobody extended the calendar."""
    story = Story(engine, seat("ana", calendar="office"), calendars=office((-1, "open")))
    story.come("ana")
    assert kinds(story.place("L1")) == ["decided", "queued", "no_rep_available"]


def test_a_calendar_that_is_extended_opens_again(engine: Engine) -> None:
    """The next installation brings the coming days, and with them whoever is free."""
    story = Story(engine, seat("ana", calendar="office"), calendars=office((-1, "open")))
    story.come("ana")
    story.place("L1")
    story.calendars = office((-1, "open"), (9, "outside_hours"))
    assert kinds(story.install()) == ["assigned", "assigned"]
