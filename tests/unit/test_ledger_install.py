"""A policy comes into force: who is new, who is gone, who has more room, all in the same change."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Audience, Step
from tests.unit.ledger_story import HOUR, Engine, Story, kinds, only, seat

OFFER = (Step("all", "all", accept_within=60_000),)


def test_more_capacity_drains_the_queue(engine: Engine) -> None:
    """A higher limit is used at once, not at the next lead."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    for lead in ("L1", "L2", "L3"):
        story.place(lead)
    assert kinds(story.install(seat("ana", capacity=2))) == ["assigned", "assigned"]
    assert story.holders("L1", "L2", "L3") == ["ana", "ana", None]


def test_less_capacity_takes_nothing_away_and_stops_new_leads(engine: Engine) -> None:
    """Who holds more than they may keeps it, and gets nothing until they are below."""
    story = Story(engine, seat("ana", capacity=3))
    story.come("ana")
    for lead in ("L1", "L2"):
        story.place(lead)
    assert story.install(seat("ana", capacity=1)) == []
    story.place("L3")
    assert kinds(story.act("touch", "L1", "ana")) == ["touched"]
    assert kinds(story.act("touch", "L2", "ana")) == ["touched", "assigned", "assigned"]


@pytest.mark.parametrize("how", ["removed", "inactive"])
def test_who_is_gone_gives_back_what_is_not_accepted(engine: Engine, how: str) -> None:
    """The accepted ones stay theirs, and they may still act on them; no new ones come (SuiteCRM 8935)."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    for lead in ("L1", "L2"):
        story.place(lead, steps=OFFER)
    story.act("accept", "L2", "ana")
    story.come("ben")
    facts = (
        story.install(seat("ben", 1)) if how == "removed" else story.install(seat("ana", active=False), seat("ben", 1))
    )
    assert kinds(facts) == ["unassigned", "unassigned", "assigned", "assigned"]
    assert only(facts[:1], "unassigned")["reason"] == "rep_unavailable"
    assert story.holders("L1", "L2") == ["ben", "ana"]
    story.come("ana")
    story.place("L3")
    assert story.holder("L3") == "ben"
    assert kinds(story.act("touch", "L2", "ana")) == ["touched"]


def test_who_comes_back_into_the_policy_is_as_available_as_they_said(engine: Engine) -> None:
    """Presence is theirs, not the policy's."""
    story = Story(engine, "ana")
    story.come("ana")
    story.install(seat("ben"))
    story.place("L1")
    assert kinds(story.install(seat("ana"))) == ["assigned", "assigned"]


def test_a_pool_that_lost_a_member_deals_out_to_the_others(engine: Engine) -> None:
    """A waiting lead goes by the pools in force, not by those of its decision."""
    story = Story(engine, seat("ana", capacity=1), seat("ben", capacity=1), pools={"all": ("in_order", ("ana",))})
    story.come("ana", "ben")
    story.place("L1")
    story.place("L2")
    story.pools = {"all": ("in_order", ("ben",))}
    assert kinds(story.install()) == ["assigned", "assigned"]
    assert story.holders("L1", "L2") == ["ana", "ben"]


def test_a_step_whose_pool_is_gone_has_nobody_on_duty(engine: Engine) -> None:
    """The next step is open at once, however long the first would have held it back."""
    pools = {"inner": ("in_order", ("ana",)), "all": ("in_order", ("ana", "ben"))}
    story = Story(engine, seat("ana", capacity=1), "ben", pools=pools)
    story.come("ana", "ben")
    story.place("L1", steps=(Step("inner", "inner"),))
    story.place("L2", steps=(Step("inner", "inner", widen_after=600_000), Step("all", "all")))
    assert story.holder("L2") is None
    story.pools = {"inner": ("in_order", ()), "all": ("in_order", ("ana", "ben"))}
    story.install()
    assert story.holders("L1", "L2") == ["ana", "ben"]


def test_another_strategy_is_in_force_at_once(engine: Engine) -> None:
    """The order of those who are free is made anew."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1")
    story.place("L2")
    story.pools = {"all": ("least_loaded", ("ana", "ben"))}
    story.install()
    story.place("L3")
    assert story.holders("L1", "L2", "L3") == ["ana", "ana", "ben"]


def test_new_limits_hold_from_then_on(engine: Engine) -> None:
    """Attempts already made count under the new limit."""
    story = Story(engine, "ana", "ben", "cai", max_attempts=5)
    story.come("ana", "ben", "cai")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.limits["max_attempts"] = 2
    story.install()
    assert kinds(story.act("decline", "L1", "ben")) == ["unassigned", "no_rep_available", "queued"]


def test_installing_the_same_again_changes_nothing(engine: Engine) -> None:
    """Every worker does it at its start, and every hour for the calendars."""
    story = Story(engine, "ana", seat("ben", capacity=1))
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    story.place("L2")
    before = story.holders("L1", "L2")
    assert story.install() == []
    assert story.holders("L1", "L2") == before


def test_an_audience_that_nobody_asks_for_is_forgotten(engine: Engine) -> None:
    """After an hour, at the next install; while an open lead is in it, it stays."""
    story = Story(engine, "ana", "ben", pools={"all": ("in_order", ("ana",)), "few": ("in_order", ("ben",))})
    story.come("ana")
    story.place("L1", steps=(Step("few", "few"),))
    story.wait(HOUR)
    story.install()
    assert set(story.engine.model.audiences) == {"few"}
    story.come("ben")
    story.act("touch", "L1", "ben")
    story.wait(HOUR)
    story.install()
    assert set(story.engine.model.audiences) == {"all"}
    assert story.do(story.submission("L2", steps=(Step("few", "few"),))).code == "unknown_audience"


def test_a_forgotten_audience_that_is_told_again_serves_as_before(engine: Engine) -> None:
    """Its lane is made anew: who waits in it is found when somebody becomes free."""
    story = Story(engine, seat("ana", capacity=1))
    story.place("L1")
    story.come("ana")
    story.act("touch", "L1", "ana")
    story.come("ana", status="offline")
    story.wait(HOUR)
    story.install()
    story.do(Audience("all", "all", "in_order", ("ana",)))
    story.place("L2")
    assert story.holder("L2") is None
    story.come("ana")
    assert story.holder("L2") == "ana"


def test_a_rep_who_is_new_in_an_inner_step_takes_what_waits_there(engine: Engine) -> None:
    """Although somebody on duty there holds the next step back, and others wait in that one."""
    pools = {"inner": ("in_order", ("ben",)), "outer": ("in_order", ("cai",)), "bens": ("in_order", ("ben",))}
    story = Story(engine, "ana", seat("ben", capacity=1), seat("cai", capacity=1), pools=pools)
    story.come("ana", "ben", "cai")
    story.place("L0", steps=(Step("bens", "bens"),))
    story.place("L1", steps=(Step("inner", "inner", widen_after=HOUR * 1000), Step("outer", "outer")))
    assert story.holder("L1") is None
    story.do(Audience("inner", "inner", "in_order", ("ben", "ana")))
    assert story.holder("L1") == "ana"
