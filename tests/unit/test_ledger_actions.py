"""What reps do: accept, decline, release and touch count from the right person, once, and at the right time."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Act, Step
from tests.unit.ledger_story import MINUTE, Action, Engine, Story, hot, kinds, only, seat

OFFER = (Step("all", "all", accept_within=60_000),)
NOT_THE_HOLDERS: tuple[Action, ...] = ("accept", "decline", "release")


def test_accepting_stops_the_offer_running_out(engine: Engine) -> None:
    """An accepted lead is not taken away after `accept_within`; the rep's time of acting is told."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    story.wait(30)
    fact = only(story.act("accept", "L1", "ana", attempt=1, ago=5), "accepted")
    assert (fact["rep"], fact["acted"], fact.get("accept_by")) == ("ana", story.now - 5_000, None)
    assert story.wait(600) == []
    assert story.holder("L1") == "ana"


def test_a_rep_s_clock_that_runs_ahead_is_held_to_now(engine: Engine) -> None:
    """Nobody accepts in the future."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", steps=OFFER)
    assert only(story.act("accept", "L1", "ana", ago=-60), "accepted")["acted"] == story.now


def test_accepting_twice_is_accepting_once(engine: Engine) -> None:
    """Also under two action ids: a double click."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.act("accept", "L1", "ana")
    assert story.act("accept", "L1", "ana") == []


@pytest.mark.parametrize(("action", "reason"), [("decline", "declined"), ("release", "released")])
@pytest.mark.parametrize("accepted", [False, True])
def test_a_lead_that_is_given_back_goes_to_the_next(
    engine: Engine, action: Action, reason: str, accepted: bool
) -> None:
    """Declined or released, accepted before or not: the next rep has it at once; who gave it back needs no telling."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    if accepted:
        story.act("accept", "L1", "ana")
    facts = story.act(action, "L1", "ana")
    assert kinds(facts) == ["unassigned", "assigned", "assigned"]
    assert (facts[0]["reason"], facts[0]["attempt"], facts[0]["rep"]) == (reason, 1, "ana")
    assert (facts[1]["attempt"], facts[1]["rep"]) == (2, "ben")
    assert story.rep("ana").load == 0


def test_giving_back_makes_room_for_what_waits(engine: Engine) -> None:
    """The rep who declines has a place free, and the next in the queue gets it in the same change."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.place("L2", steps=OFFER)
    assert kinds(story.act("decline", "L1", "ana")) == ["unassigned", "queued", "assigned", "assigned"]
    assert story.holders("L1", "L2") == [None, "ana"]


@pytest.mark.parametrize("action", NOT_THE_HOLDERS)
def test_an_answer_to_an_attempt_that_is_over_changes_nothing(engine: Engine, action: Action) -> None:
    """The lead came back to the same rep: a click on the old notification is told to be superseded."""
    story = Story(engine, "ana", retry_after=1_000)
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.act("decline", "L1", "ana")
    story.wait(2)
    assert (story.holder("L1"), story.lead("L1").attempt) == ("ana", 2)
    facts = story.act(action, "L1", "ana", attempt=1, action_id="click")
    assert kinds(facts) == ["superseded"]
    assert (facts[0]["to"], facts[0]["attempt"], facts[0]["about"]) == ("ana", 2, "click")
    assert story.lead("L1").state == "held"


@pytest.mark.parametrize("action", NOT_THE_HOLDERS)
def test_an_answer_from_another_rep_changes_nothing(engine: Engine, action: Action) -> None:
    """Only the holder answers; the other one is told."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    assert only(story.act(action, "L1", "ben"), "superseded")["to"] == "ben"
    assert story.holder("L1") == "ana"


@pytest.mark.parametrize("action", NOT_THE_HOLDERS)
@pytest.mark.parametrize("end", ["touched", "closed", "nurture"])
def test_an_answer_about_a_lead_that_is_over_is_superseded(engine: Engine, action: Action, end: str) -> None:
    """It was touched or closed meanwhile, or was never with sales."""
    story = Story(engine, "ana")
    story.come("ana")
    if end == "nurture":
        story.place("L1", to="nurture", steps=())
    else:
        story.place("L1")
        if end == "touched":
            story.act("touch", "L1", "ana")
        else:
            story.close("L1")
    assert kinds(story.act(action, "L1", "ana")) == ["superseded"]


def test_accept_takes_a_waiting_lead_for_any_active_rep(engine: Engine) -> None:
    """Whoever takes it has it, accepted at once, available or not, in its pools or not."""
    pools = {"all": ("in_order", ("ana",)), "others": ("in_order", ("ben",))}
    story = Story(engine, "ana", "ben", pools=pools)
    story.come("ben", status="away")
    story.place("L1", clock=hot(story.now))
    facts = story.act("accept", "L1", "ben", attempt=7)
    assert kinds(facts) == ["assigned", "assigned", "accepted"]
    assert (facts[0]["rep"], facts[0].get("step"), facts[0].get("pool")) == ("ben", None, None)
    assert facts[2]["attempt"] == 1
    assert story.wait(4 * MINUTE) == []


def test_accept_takes_no_lead_above_capacity(engine: Engine) -> None:
    """A lead taken by accept counts too: who is full is told that it is not theirs."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1")
    story.place("L2")
    assert kinds(story.act("accept", "L2", "ana")) == ["superseded"]
    assert story.rep("ana").load == 1


def test_accept_by_somebody_inactive_takes_nothing(engine: Engine) -> None:
    """Active reps only; a removed one may still act on what is theirs."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    story.place("L1")
    story.act("accept", "L1", "ana")
    story.install(seat("ben", 1))
    story.place("L2")
    assert kinds(story.act("accept", "L2", "ana")) == ["superseded"]
    assert kinds(story.act("touch", "L1", "ana")) == ["touched"]


def test_the_same_action_counts_once(engine: Engine) -> None:
    """A redelivered decline does not decline the next assignment."""
    story = Story(engine, "ana", retry_after=1_000)
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana", action_id="no")
    story.wait(2)
    assert story.do(Act("no", "L1", "ana", "decline", story.now)).code == "repeat"
    assert story.holder("L1") == "ana"


def test_an_action_of_a_stranger_or_about_nothing_is_refused(engine: Engine) -> None:
    """Refused, and not remembered: after the configuration knows the rep, the same action counts."""
    story = Story(engine, "ana")
    story.come("ana")
    assert story.do(Act("a", "L1", "ana", "touch", story.now)).code == "unknown_lead"
    story.place("L1")
    assert story.do(Act("b", "L1", "zoe", "touch", story.now)).code == "unknown_rep"
    assert kinds(story.do(Act("a", "L1", "ana", "touch", story.now)).facts) == ["touched"]


def test_a_touch_frees_the_rep_for_what_waits(engine: Engine) -> None:
    """The first real contact gives the place back, in the same change."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.place("L2")
    facts = story.act("touch", "L1", "ana")
    assert kinds(facts) == ["touched", "met", "assigned", "assigned"]
    assert (facts[0]["rep"], facts[0]["channel"], facts[0]["acted"]) == ("ana", "call", story.now)
    assert facts[1]["rep"] == "ana"


def test_a_touch_by_somebody_else_stops_the_clock_and_frees_the_holder(engine: Engine) -> None:
    """Whoever called: the person was called. The event names who did it, and the holder has a place more."""
    story = Story(engine, seat("ana", capacity=1), seat("ben", capacity=0))
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.place("L2")
    facts = story.act("touch", "L1", "ben")
    assert kinds(facts) == ["touched", "met", "assigned", "assigned"]
    assert (facts[0]["rep"], facts[2]["rep"]) == ("ben", "ana")
    assert (story.rep("ben").load, story.rep("ana").load) == (0, 1)


def test_a_touch_of_a_waiting_lead_ends_its_wait(engine: Engine) -> None:
    """Somebody called without having been assigned: nothing is left to do, nobody is reminded of it."""
    story = Story(engine, "ana")
    story.place("L1", clock=hot(story.now, warn_at=(0.5,)), steps=(Step("all", "all", widen_after=60_000), *OFFER))
    assert kinds(story.act("touch", "L1", "ana")) == ["touched", "met"]
    story.come("ana")
    assert story.wait(3_600) == []


def test_a_second_touch_says_nothing(engine: Engine) -> None:
    """The first contact is made once."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.act("touch", "L1", "ana")
    assert story.act("touch", "L1", "ana") == []


@pytest.mark.parametrize("action", ["touch", "decline", "accept"])
def test_an_action_of_an_earlier_opening_does_nothing_now(engine: Engine, action: Action) -> None:
    """More than five minutes before the lead was opened again: it speaks of what is over, and is no surprise."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    story.act("touch", "L1", "ana")
    story.wait(3_600)
    story.place("L1")
    assert story.act(action, "L1", "ana", ago=301) == []
    assert story.lead("L1").state == "held"
    assert story.close("L1", ago=301) == []
    assert kinds(story.act("touch", "L1", "ana", ago=300)) == ["touched"]


@pytest.mark.parametrize("outcome", ["won", "lost", "disqualified"])
def test_these_outcomes_close_a_lead(engine: Engine, outcome: str) -> None:
    """The lead is over, its clock cancelled, its rep free."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.place("L2")
    facts = story.close("L1", outcome)
    assert kinds(facts) == ["closed", "cancelled", "assigned", "assigned"]
    assert (facts[0]["reason"], facts[0]["rep"]) == (outcome, "ana")


@pytest.mark.parametrize("outcome", ["sales_accepted", "sales_rejected", "opportunity"])
def test_other_outcomes_change_nothing(engine: Engine, outcome: str) -> None:
    """They are recorded, and the lead stays as it is."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    assert story.close("L1", outcome) == []
    assert story.holder("L1") == "ana"


def test_an_outcome_of_a_lead_that_is_over_is_no_error(engine: Engine) -> None:
    """Won weeks after the touch, as it should be; and the same outcome counts once."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    story.act("touch", "L1", "ana")
    assert story.close("L1", "won", outcome_id="o") == []
    story.place("L1")
    assert story.close("L1", "won", outcome_id="o") == []
    assert story.holder("L1") == "ana"


def test_closing_a_waiting_lead_takes_it_out_of_the_queue(engine: Engine) -> None:
    """Nobody is given a lead that is over."""
    story = Story(engine, "ana")
    story.place("L1")
    story.close("L1", "disqualified")
    assert story.come("ana") == []
