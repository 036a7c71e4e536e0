"""Clocks: warned, breached, met, resolved, cancelled; each ends, and a late first answer is never hidden."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Step, Tick
from tests.unit.ledger_story import Engine, Story, all_of, hot, kinds, only

OFFER = (Step("all", "all", accept_within=100_000),)
SLA = ("warned", "breached", "met", "resolved", "cancelled")


def of_clock(story: Story) -> list[str]:
    """Name all that became of clocks so far, in order."""
    return [fact["t"] for fact in story.facts if fact["t"] in SLA]


def test_warnings_come_at_their_thresholds_to_the_holder(engine: Engine) -> None:
    """At half and at four fifths of the time, each once."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now, warn_at=(0.5, 0.8)))
    assert story.wait(149.9) == []
    first = story.wait(0.1)
    assert kinds(first) == ["warned", "sla_warning"]
    assert (first[0]["threshold"], first[0]["end"], first[1]["to"]) == (0.5, story.now, "ana")
    assert [fact["threshold"] for fact in all_of(story.wait(149), "warned")] == [0.8]


def test_a_warning_about_a_lead_that_nobody_holds_goes_to_the_manager(engine: Engine) -> None:
    """Whom the route names."""
    story = Story(engine, "ana")
    story.place("L1", clock=hot(story.now, warn_at=(0.5,)))
    warning = only(story.wait(150), "sla_warning")
    assert (warning["role"], warning["to"]) == ("manager", "mia")


def test_a_touch_in_time_meets_the_clock_and_ends_it(engine: Engine) -> None:
    """Nobody is warned or paged after that (grafana/oncall 4654)."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now, warn_at=(0.5, 0.8)))
    story.wait(60)
    met = only(story.act("touch", "L1", "ana", ago=10), "met")
    assert (met["end"], met["rep"], met["attempt"]) == (story.now - 10_000, "ana", 1)
    assert story.wait(3_600) == []


def test_a_touch_at_the_very_due_time_is_in_time(engine: Engine) -> None:
    """The bound belongs to the promise, also where the ledger hears of it first at that instant."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.now += 300_000
    assert kinds(story.act("touch", "L1", "ana")) == ["touched", "met"]


def test_a_breach_is_told_once_however_often_the_lead_changes_hands(engine: Engine) -> None:
    """One breach a clock, and the touch after it resolves it (chatwoot 13392)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now), steps=OFFER)
    story.wait(299)
    story.act("decline", "L1", str(story.holder("L1")))
    breached = only(story.wait(1), "breached")
    assert breached["at"] == breached["due"] == story.now
    story.wait(600)
    resolved = only(story.act("touch", "L1", "ana"), "resolved")
    assert resolved["in_time"] is False
    assert of_clock(story) == ["breached", "resolved"]


def test_news_of_a_touch_in_time_that_comes_after_the_breach_says_so(engine: Engine) -> None:
    """The rep called in time and only the news was late."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.wait(310)
    resolved = only(story.act("touch", "L1", "ana", ago=20), "resolved")
    assert (resolved["in_time"], resolved["end"]) == (True, story.now - 20_000)


def test_a_late_touch_before_any_tick_is_a_breach_and_its_resolution(engine: Engine) -> None:
    """No worker ran when it was due: the breach is told by the touch, not swallowed (grafana/oncall 3111)."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.now += 400_000
    assert kinds(story.act("touch", "L1", "ana")) == ["touched", "breached", "resolved"]
    assert story.wait(3_600) == []


def test_a_touch_counts_at_its_own_time_held_between_submission_and_now(engine: Engine) -> None:
    """Neither a clock that runs behind nor one that runs ahead makes times that cannot be."""
    story = Story(engine, "ana")
    story.come("ana")
    begun = story.now
    story.place("L1", clock=hot(begun))
    story.place("L2", clock=hot(begun))
    story.wait(10)
    for lead, ago, acted in (("L1", 100, begun), ("L2", -100, story.now)):
        facts = story.act("touch", lead, "ana", ago=ago)
        assert (facts[0]["acted"], only(facts, "met")["end"]) == (acted, acted)


@pytest.mark.parametrize("late", [False, True])
def test_a_lead_that_is_closed_untouched_cancels_its_clock_unless_it_was_breached(engine: Engine, late: bool) -> None:
    """A breach is followed by a resolution or by the close itself."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.wait(400 if late else 100)
    assert kinds(story.close("L1")) == (["closed"] if late else ["closed", "cancelled"])
    assert story.wait(3_600) == []


def test_a_lead_without_a_target_has_no_clock(engine: Engine) -> None:
    """Nothing is told of one that does not run."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    story.wait(2 * 86_400)
    story.act("touch", "L1", "ana")
    assert of_clock(story) == []
    story.place("L2")
    story.close("L2")
    assert of_clock(story) == []


def test_all_spells_without_a_rep_are_time_in_the_queue(engine: Engine) -> None:
    """Before the first rep, and between two; the last rep's acceptance is counted apart."""
    story = Story(engine, "ana", "ben")
    story.place(
        "L1", clock=hot(story.now, first_touch=3_600), decided_at=story.now - 500, submitted_at=story.now - 2_000
    )
    story.now += 10_000
    story.come("ana")
    story.now += 5_000
    story.come("ana", status="away")
    story.now += 20_000
    story.come("ben")
    story.now += 7_000
    story.act("accept", "L1", "ben")
    story.now += 8_000
    met = only(story.act("touch", "L1", "ben"), "met")
    assert met["queue"] == 500 + 10_001 + 20_001
    assert met["accept"] == 7_000


def test_a_lead_that_still_waits_counts_its_wait_up_to_the_end(engine: Engine) -> None:
    """Touched or told while nobody holds it."""
    story = Story(engine, "ana")
    story.place("L1", clock=hot(story.now, warn_at=(0.5,)))
    assert only(story.wait(150), "warned")["queue"] == 150_000
    assert only(story.act("touch", "L1", "ana", ago=50), "met")["queue"] == 100_000


def test_acceptance_of_a_rep_who_lost_the_lead_is_not_counted_for_the_next(engine: Engine) -> None:
    """Without an acceptance of the present holder `accept` is 0."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now))
    story.now += 5_000
    story.act("accept", "L1", "ana")
    story.act("release", "L1", "ana")
    assert only(story.act("touch", "L1", "ben"), "met")["accept"] == 0


def test_timers_fire_the_oldest_first_and_a_bounded_number_a_call(engine: Engine) -> None:
    """A worker that was away for long catches up in small calls; `more` says that some are due still."""
    story = Story(engine, "ana")
    for number in (3, 1, 2):
        story.place(f"L{number}", clock=hot(story.now, first_touch=number))
    story.now += 10_000
    first = story.do(Tick(2))
    assert (first.code, [fact["lead"] for fact in all_of(first.facts, "breached")]) == ("more", ["L1", "L2"])
    last = story.do(Tick(2))
    assert (last.code, [fact["lead"] for fact in all_of(last.facts, "breached")]) == ("done", ["L3"])


def test_a_timer_that_an_earlier_one_of_the_same_call_cleared_does_not_fire(engine: Engine) -> None:
    """Two offers of one rep ran out before anybody ticked: the second went back with the first, and is no miss."""
    story = Story(engine, "ana", misses_before_away=1)
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.place("L2", steps=OFFER)
    story.now += 200_000
    facts = story.wait(0)
    assert [fact["reason"] for fact in facts if fact["t"] == "unassigned"] == ["accept_timeout", "rep_unavailable"]
