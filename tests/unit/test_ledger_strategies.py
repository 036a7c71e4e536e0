"""How a pool deals out its leads, and what each rep's measure is."""

from __future__ import annotations

from collections import Counter

import pytest

from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import DAY, Engine, Story, everybody, kinds, office, seat


def dealt(story: Story, count: int, prefix: str = "L", *, touch: bool = True, every: float = 1) -> list[str]:
    """Place *count* leads, one every second, each touched at once; return to whom they went."""
    out = []
    for number in range(count):
        lead = f"{prefix}{number}"
        story.place(lead)
        out.append(str(story.holder(lead)))
        if touch:
            story.act("touch", lead, out[-1])
        story.now += round(every * 1000)
    return out


def test_in_order_goes_by_the_configuration(engine: Engine) -> None:
    """Always the first who can."""
    story = Story(engine, seat("zoe", capacity=2), "ana", pools=everybody("in_order", "zoe", "ana"))
    story.come("ana", "zoe")
    assert dealt(story, 3, touch=False) == ["zoe", "zoe", "ana"]


def test_least_loaded_goes_by_open_leads_over_weight(engine: Engine) -> None:
    """Who weighs twice as much carries twice as much."""
    reps = (seat("ana", capacity=9), seat("ben", capacity=9, weight=2))
    story = Story(engine, *reps, pools=everybody("least_loaded", "ana", "ben"))
    story.come("ana", "ben")
    assert Counter(dealt(story, 9, touch=False)) == {"ana": 3, "ben": 6}


def test_ties_do_not_always_fall_on_the_same_rep(engine: Engine) -> None:
    """Equal loads: whoever was idle longest (odoo 259324); never assigned is longest, then the id decides."""
    story = Story(engine, "cai", "ben", "ana", pools=everybody("least_loaded", "cai", "ben", "ana"))
    story.come("ana", "ben", "cai")
    assert dealt(story, 6) == ["ana", "ben", "cai", "ana", "ben", "cai"]


def test_longest_idle_goes_by_the_last_assignment(engine: Engine) -> None:
    """Whatever they hold; a rep who was away is not given all the next ones."""
    story = Story(
        engine, seat("ana", capacity=9), seat("ben", capacity=9), pools=everybody("longest_idle", "ana", "ben")
    )
    story.come("ben")
    assert dealt(story, 3, touch=False) == ["ben"] * 3
    story.come("ana")
    assert dealt(story, 4, "M", touch=False) == ["ana", "ben", "ana", "ben"]


@pytest.mark.parametrize(("weights", "count", "shares"), [((1, 2), 30, (10, 20)), ((3, 4, 5), 24, (6, 8, 10))])
def test_round_robin_shares_follow_the_weights_exactly(
    engine: Engine, weights: tuple[int, ...], count: int, shares: tuple[int, ...]
) -> None:
    """1:2 over 30 leads gives 10 and 20, and no cycle is left unbalanced."""
    reps = [seat(f"r{i}", weight=weight) for i, weight in enumerate(weights)]
    story = Story(engine, *reps, pools=everybody("weighted_round_robin", *(rep.id for rep in reps)))
    story.come(*(rep.id for rep in reps))
    order = dealt(story, count)
    assert Counter(order) == {f"r{i}": share for i, share in enumerate(shares)}
    cycle = sum(weights)
    for start in range(0, count, cycle):
        assert Counter(order[start : start + cycle]) == {f"r{i}": weight for i, weight in enumerate(weights)}


@pytest.mark.parametrize("strategy", ["weighted_round_robin", "longest_idle"])
def test_a_rep_who_returns_is_not_flooded(engine: Engine, strategy: str) -> None:
    """Ben was out while ana took fifty: after his return they share, he does not catch up (RocketChat 13134)."""
    story = Story(engine, "ana", "ben", pools=everybody(strategy, "ana", "ben"))
    story.come("ana", "ben")
    dealt(story, 4)
    story.come("ben", status="offline")
    dealt(story, 50, "M")
    story.come("ben")
    assert Counter(dealt(story, 10, "N")) == {"ana": 5, "ben": 5}


@pytest.mark.parametrize("strategy", ["weighted_round_robin", "longest_idle"])
def test_a_new_rep_is_not_flooded(engine: Engine, strategy: str) -> None:
    """Cai joins the pool after a busy day and starts level with the others."""
    pools = everybody(strategy, "ana", "ben", "cai")
    story = Story(engine, "ana", "ben", seat("cai", active=False), pools=pools)
    story.come("ana", "ben", "cai")
    dealt(story, 40)
    story.install(seat("ana"), seat("ben", 1), seat("cai", 2))
    assert Counter(dealt(story, 12, "N")) == {"ana": 4, "ben": 4, "cai": 4}


def test_a_rep_whose_calendar_opens_is_not_flooded(engine: Engine) -> None:
    """The shift that starts later shares from then on."""
    pools = everybody("weighted_round_robin", "ana", "ben")
    story = Story(
        engine, "ana", seat("ben", calendar="office"), pools=pools, calendars=office((1, "open"), (9, "holiday"))
    )
    story.come("ana", "ben")
    dealt(story, 20, every=0.001)
    story.wait(3_600)
    assert Counter(dealt(story, 10, "N")) == {"ana": 5, "ben": 5}


def test_each_pool_has_its_own_turns(engine: Engine) -> None:
    """Ana's many leads from one pool do not cost her the turn in another."""
    pools = {"one": ("weighted_round_robin", ("ana", "ben")), "two": ("weighted_round_robin", ("ana", "ben"))}
    story = Story(engine, seat("ana", capacity=9), seat("ben", capacity=9), pools=pools)
    story.come("ana")
    for number in range(4):
        story.place(f"L{number}", steps=(Step("one", "one"),))
    story.come("ben")
    for number in range(4):
        story.place(f"M{number}", steps=(Step("two", "two"),))
    assert Counter(story.holders("M0", "M1", "M2", "M3")) == {"ana": 2, "ben": 2}


def test_a_day_s_number_of_leads_is_a_limit(engine: Engine) -> None:
    """Two a day: the third goes to the next rep, and at midnight the queue is served without being asked."""
    story = Story(engine, "ana", "ben", daily_per_rep=2)
    story.come("ana", "ben")
    assert dealt(story, 4) == ["ana", "ana", "ben", "ben"]
    assert kinds(story.place("late")) == ["decided", "queued"]
    assert story.wait(10 * 3_600 - 5) == []
    assert kinds(story.wait(5)) == ["assigned", "assigned"]
    assert dealt(story, 3, "M") == ["ana", "ben", "ben"]


def test_midnight_is_that_of_the_rep_s_own_calendar(engine: Engine) -> None:
    """A rep of a calendar in another zone has a new day when it is one there."""
    hours = office((-1, "open"), (3, "midnight"), (30, "outside_hours"))
    story = Story(engine, seat("ana", calendar="office"), calendars=hours, daily_per_rep=1)
    story.come("ana")
    story.place("L1")
    story.place("L2")
    assert story.holders("L1", "L2") == ["ana", None]
    assert story.wait(3 * 3_600 - 1) == []
    story.wait(1)
    assert story.holder("L2") == "ana"
    story.act("touch", "L1", "ana")
    story.act("touch", "L2", "ana")
    story.place("L3")
    assert (story.holder("L3"), story.wait(DAY / 2)) == (None, [])


def test_a_lead_given_back_counts_towards_the_day(engine: Engine) -> None:
    """The limit counts the leads newly assigned, not those held."""
    story = Story(engine, "ana", "ben", daily_per_rep=1)
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.place("L2")
    assert story.holders("L1", "L2") == ["ben", None]
