"""A lead that was declined or missed: who is next, who is last in line, and what happens when all have been tried."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import Engine, Story, all_of, hot, kinds, seat

OFFER = (Step("all", "all", accept_within=60_000),)


def test_an_offer_that_nobody_accepts_goes_to_the_next(engine: Engine) -> None:
    """At `accept_within`, not before; the rep who missed it hears why it is gone."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    assert kinds(story.wait(59.9)) == ["reminder"]
    facts = story.wait(0.1)
    assert kinds(facts) == ["unassigned", "unassigned", "assigned", "assigned"]
    assert (facts[0]["reason"], facts[1]["to"], facts[2]["rep"]) == ("accept_timeout", "ana", "ben")


def test_misses_in_a_row_set_a_rep_away(engine: Engine) -> None:
    """The second miss: the rep is away, that is published, and what else they had not accepted goes on too."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.wait(1)
    story.place("L2", steps=OFFER)
    story.place("L3", steps=(Step("all", "all", accept_within=600_000),))
    story.come("ben")
    story.wait(59)
    facts = story.wait(1)
    assert kinds(facts) == ["presence"] + ["unassigned", "unassigned", "assigned", "assigned"] * 2
    assert (facts[0]["rep"], facts[0]["status"], facts[0]["at"]) == ("ana", "away", story.now - 1)
    assert [fact["reason"] for fact in facts if fact["t"] == "unassigned"] == ["accept_timeout", "rep_unavailable"]
    assert story.holders("L1", "L2", "L3") == ["ben"] * 3


@pytest.mark.parametrize("answer", ["accept", "touch"])
def test_an_answer_between_two_misses_counts_anew(engine: Engine, answer: str) -> None:
    """Only misses in a row set a rep away."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.wait(60)
    story.place("L2", steps=OFFER)
    story.act(answer, "L2", "ana")
    story.place("L3", steps=OFFER)
    story.wait(60)
    assert story.rep("ana").status == "available"


def test_who_was_set_away_comes_back_by_a_newer_event_that_is_no_heartbeat(engine: Engine) -> None:
    """The page that still polls does not bring them back; the rep does, and the counting starts anew."""
    story = Story(engine, "ana", misses_before_away=1)
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.wait(60)
    story.heartbeat("ana", ttl=900)
    assert story.rep("ana").status == "away"
    story.come("ana", at=-30)
    assert story.rep("ana").status == "away"
    story.come("ana")
    assert (story.rep("ana").status, story.rep("ana").misses) == ("available", 0)


def test_a_busy_rep_who_misses_is_set_away_too(engine: Engine) -> None:
    """Busy keeps the offer, and does not answer it."""
    story = Story(engine, "ana", misses_before_away=1)
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.come("ana", status="busy")
    assert kinds(story.wait(60))[:2] == ["reminder", "presence"]


def test_the_only_rep_is_offered_the_lead_again(engine: Engine) -> None:
    """Declined by the only one there: it goes to them again, no sooner than `retry_after` (Salesforce 000382420)."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana")
    assert story.wait(29.9) == []
    assert kinds(story.wait(0.1)) == ["assigned", "assigned"]
    assert story.lead("L1").attempt == 2


def test_who_was_tried_is_last_in_line_even_behind_somebody_full(engine: Engine) -> None:
    """As long as anybody else of the pools is on duty the lead waits for them."""
    story = Story(engine, "ana", seat("ben", capacity=1))
    story.come("ben", "ana")
    story.place("L0", submitted_at=story.now - 1_000)
    story.act("decline", "L0", "ana")
    assert story.holder("L0") == "ben"
    story.place("L1")
    story.act("decline", "L1", "ana")
    assert story.wait(300) == []
    assert kinds(story.act("touch", "L0", "ben")) == ["touched", "assigned", "assigned"]
    assert story.holder("L1") == "ben"


@pytest.mark.parametrize("how", ["busy", "offline", "closed", "removed"])
def test_when_nobody_else_is_on_duty_it_goes_to_who_was_tried(engine: Engine, how: str) -> None:
    """The last other one leaves: the lead goes back in that very change, once `retry_after` is over."""
    story = Story(engine, "ana", seat("ben", capacity=1))
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.act("accept", "L1", "ben")
    story.place("L2")
    story.act("decline", "L2", "ana")
    assert story.holders("L1", "L2") == ["ben", None]
    story.wait(40)
    if how == "removed":
        facts = story.install(seat("ana"))
    elif how == "closed":
        facts = story.install(seat("ana"), seat("ben", 1, active=False))
    else:
        facts = story.come("ben", status=how)
    assert kinds(facts) == ["assigned", "assigned"]
    assert story.holder("L2") == "ana"


def test_a_tried_rep_who_was_full_gets_it_when_they_have_room(engine: Engine) -> None:
    """Freed after `retry_after`: in the same change, not at the next turn of a timer."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.place("L2")
    assert story.wait(45) == []
    assert kinds(story.act("touch", "L2", "ana")) == ["touched", "assigned", "assigned"]
    assert story.holder("L1") == "ana"


def test_of_several_who_were_tried_the_one_tried_longest_ago_is_next(engine: Engine) -> None:
    """Turn and turn about."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1")
    story.wait(1)
    story.act("decline", "L1", "ana")
    story.wait(1)
    story.act("decline", "L1", "ben")
    assert story.wait(28.9) == []
    story.wait(0.1)
    assert story.holder("L1") == "ana"


def test_nobody_waits_for_a_second_round_of_the_timer(engine: Engine) -> None:
    """The first of two tried reps is full when her time has come; the second is offered it when his has."""
    story = Story(engine, seat("ana", capacity=1), "ben")
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.wait(10)
    story.act("decline", "L1", "ben")
    story.place("L2")
    assert story.holders("L1", "L2") == [None, "ana"]
    assert story.wait(29.9) == []
    assert kinds(story.wait(0.1)) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_at_max_attempts_the_manager_is_told_and_the_lead_waits(engine: Engine) -> None:
    """It is never dropped, and nobody is asked again by a timer."""
    story = Story(engine, "ana", "ben", max_attempts=2)
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    facts = story.act("decline", "L1", "ben")
    assert kinds(facts) == ["unassigned", "no_rep_available", "queued"]
    assert (facts[1]["role"], facts[1]["to"]) == ("manager", "mia")
    assert story.wait(3_600) == []


def test_a_lead_past_its_attempts_goes_to_who_turns_available_after_that(engine: Engine) -> None:
    """Not to somebody who only becomes free; to one who was there all the time only by a turn of status."""
    story = Story(engine, "ana", seat("ben", capacity=1), max_attempts=1)
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.place("L2", steps=(Step("all", "all"),))
    story.act("touch", "L2", "ana")
    story.come("ben")  # available before, so no turn
    assert story.holder("L1") is None
    story.come("ana", status="busy")
    assert kinds(story.come("ana")) == ["assigned", "assigned"]
    assert story.holder("L1") == "ana"


def test_a_lead_past_its_attempts_goes_to_nobody_outside_its_steps_by_itself(engine: Engine) -> None:
    """Who turns available must be in one of its audiences."""
    pools = {"all": ("in_order", ("ana",)), "others": ("in_order", ("ben",))}
    story = Story(engine, "ana", "ben", pools=pools, max_attempts=1)
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana")
    assert story.come("ben") == []
    assert kinds(story.act("accept", "L1", "ben")) == ["assigned", "assigned", "accepted"]


def test_a_lead_past_its_attempts_that_is_lost_again_is_told_again(engine: Engine) -> None:
    """Each time nobody can be asked any more the manager hears of it."""
    story = Story(engine, "ana", max_attempts=1)
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.act("accept", "L1", "ana")
    facts = story.act("release", "L1", "ana")
    assert kinds(facts) == ["unassigned", "no_rep_available", "queued"]
    told = all_of(story.facts, "no_rep_available")
    assert len({fact["about"] for fact in told}) == len(told) == 2


def test_going_away_is_no_try(engine: Engine) -> None:
    """`rep_unavailable` does not count towards `max_attempts` and puts nobody last in line."""
    story = Story(engine, "ana", max_attempts=1)
    story.come("ana")
    story.place("L1")
    for _ in range(3):
        story.come("ana", status="away")
        story.come("ana")
    assert (story.holder("L1"), story.lead("L1").attempt) == ("ana", 4)
    assert all_of(story.facts, "no_rep_available") == []


def test_a_breach_moves_a_lead_that_is_not_accepted(engine: Engine) -> None:
    """`reassign`: to another rep who can take it in the same change, and the rep who had it is last in line for it."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now, on_breach=("notify_manager", "reassign")))
    facts = story.wait(300)
    assert kinds(facts) == [
        "breached", "sla_breach", "sla_breach", "unassigned", "unassigned", "assigned", "assigned"
    ]  # fmt: skip
    assert [fact["to"] for fact in facts if fact.get("kind") == "sla_breach"] == ["ana", "mia"]
    assert (facts[3]["reason"], story.holder("L1")) == ("breached", "ben")


@pytest.mark.parametrize(("on_breach", "moves"), [("reassign", False), ("reassign_always", True)])
def test_an_accepted_lead_moves_on_a_breach_only_where_asked(engine: Engine, on_breach: str, moves: bool) -> None:
    """`reassign` leaves alone what somebody took on; `reassign_always` does not."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now, on_breach=(on_breach,)))
    story.act("accept", "L1", "ana")
    story.wait(300)
    assert story.holder("L1") == ("ben" if moves else "ana")


@pytest.mark.parametrize("why", ["nobody", "full", "tries"])
def test_a_breach_leaves_the_lead_where_nobody_else_can_take_it(engine: Engine, why: str) -> None:
    """Better late in somebody's hands than in none."""
    story = Story(engine, "ana", seat("ben", capacity=1), max_attempts=1 if why == "tries" else 5)
    story.come("ana")
    story.place("L1", clock=hot(story.now, on_breach=("reassign",)))
    if why != "nobody":
        story.come("ben")
    if why == "full":
        story.place("L2", steps=(Step("all", "all"),))
        story.act("decline", "L2", "ana")
    assert kinds(story.wait(300)) == ["breached", "sla_breach"]
    assert story.holder("L1") == "ana"


def test_a_breach_gives_the_place_to_what_waits(engine: Engine) -> None:
    """The rep who lost the lead has room again, and it is filled in the same change."""
    pools = {"all": ("in_order", ("ana", "ben")), "hers": ("in_order", ("ana",))}
    story = Story(engine, seat("ana", capacity=1), "ben", pools=pools)
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now, on_breach=("reassign",)))
    story.place("L2", steps=(Step("hers", "hers"),))
    assert story.holders("L1", "L2") == ["ana", None]
    story.wait(300)
    assert story.holders("L1", "L2") == ["ben", "ana"]


def test_a_lead_whose_second_round_is_due_is_served_by_whatever_happens_first(engine: Engine) -> None:
    """Somebody of quite another pool leaves, before any timer was fired: the one who was tried has it again."""
    pools = {"all": ("in_order", ("ana",)), "others": ("in_order", ("ben",))}
    story = Story(engine, "ana", "ben", pools=pools)
    story.come("ana", "ben")
    story.place("L1")
    story.act("decline", "L1", "ana")
    story.now += 31_000
    assert kinds(story.come("ben", status="offline")) == ["assigned", "assigned"]
    assert story.holder("L1") == "ana"


def test_who_gives_a_lead_back_gets_the_next_that_they_were_not_tried_for(engine: Engine) -> None:
    """The lead that was just declined stands first in the queue and cannot be theirs; the one behind it can."""
    pools = {"all": ("in_order", ("ana", "ben")), "his": ("in_order", ("ben",))}
    story = Story(engine, seat("ana", capacity=1), seat("ben", capacity=1), pools=pools)
    story.come("ana", "ben")
    story.place("first", priority=9)
    story.place("behind")
    story.act("decline", "behind", "ben")
    story.place("of ben", steps=(Step("his", "his"),))
    assert story.holders("first", "behind", "of ben") == ["ana", None, "ben"]
    story.act("decline", "first", "ana")
    assert story.holders("first", "behind", "of ben") == [None, "ana", "ben"]


@pytest.mark.parametrize("how", ["declined", "breached"])
def test_a_lead_that_is_given_back_begins_at_its_first_step_again(engine: Engine, how: str) -> None:
    """The inner pool was empty when it was assigned, and is not now: it comes before the rest of the outer one."""
    pools = {"inner": ("in_order", ("ana",)), "outer": ("in_order", ("ben", "bob"))}
    story = Story(engine, seat("ana", capacity=1), "ben", "bob", pools=pools)
    steps = (Step("inner", "inner", widen_after=900_000), Step("outer", "outer"))
    story.place("L1", steps=steps, clock=hot(story.now, on_breach=("reassign",)))
    story.come("ben", "ana", "bob")
    story.place("of ana", steps=(Step("inner", "inner"),))
    assert story.holders("L1", "of ana") == ["ben", "ana"]
    if how == "declined":
        story.act("decline", "L1", "ben")
        assert story.holder("L1") is None
        story.act("touch", "of ana", "ana")
        assert story.holder("L1") == "ana"
    else:
        assert kinds(story.wait(300)) == ["breached", "sla_breach"]
        assert story.holder("L1") == "ben"
