"""What a submission comes to in the ledger: assigned, waiting, attached, opened again, or none of its business."""

from __future__ import annotations

import pytest

from router.domain.ledger.state import DAY as DAY_MS
from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import DAY, HOUR, MINUTE, Engine, Story, all_of, hot, kinds, only, seat


def test_a_lead_goes_to_a_free_rep_at_once(engine: Engine) -> None:
    """Somebody is free: the decision, the assignment and its notification follow from the one call."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    facts = story.place("L1", clock=hot(story.now), steps=(Step("all", "all", accept_within=60_000),))
    assert kinds(facts) == ["decided", "assigned", "assigned"]
    assigned = facts[1]
    assert (assigned["rep"], assigned["attempt"], assigned["seq"], assigned["step"]) == ("ana", 1, 1, 1)
    assert assigned["touch_by"] == story.now + 5 * MINUTE * 1000
    assert assigned["accept_by"] == story.now + 60_000
    assert (facts[2]["role"], facts[2]["to"]) == ("rep", "ana")


def test_a_lead_waits_while_all_are_full_and_goes_to_who_is_free_first(engine: Engine) -> None:
    """Nobody has room: the lead is queued, and assigned in the very change that makes room."""
    story = Story(engine, seat("ana", capacity=1), seat("ben", capacity=1))
    story.come("ana", "ben")
    story.place("L1")
    story.place("L2")
    assert kinds(story.place("L3")) == ["decided", "queued"]
    assert kinds(story.act("touch", "L2", "ben")) == ["touched", "assigned", "assigned"]
    assert story.holder("L3") == "ben"


def test_a_rep_with_capacity_zero_takes_none(engine: Engine) -> None:
    """Capacity 0 is none at all, not no limit (RocketChat 35688); nobody can take such a lead, even by accept."""
    story = Story(engine, seat("ana", capacity=0))
    story.come("ana")
    assert kinds(story.place("L1")) == ["decided", "queued"]
    assert kinds(story.act("accept", "L1", "ana")) == ["superseded"]
    assert story.lead("L1").state == "waiting"


def test_capacity_is_never_overshot(engine: Engine) -> None:
    """Ten leads at once: each rep gets as many as there is room, the rest waits (RocketChat 37776)."""
    story = Story(engine, seat("ana", capacity=2), seat("ben", capacity=3))
    story.come("ana", "ben")
    for number in range(10):
        story.place(f"L{number}")
    assert (story.rep("ana").load, story.rep("ben").load) == (2, 3)
    assert len(all_of(story.facts, "queued")) == 5


def test_the_same_submission_counts_once(engine: Engine) -> None:
    """A redelivery changes nothing and says nothing, whatever it was computed to (chatwoot 14495)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    first = story.submission("L1")
    story.do(first)
    again = story.do(first)
    assert (again.code, again.facts) == ("repeat", [])
    other = story.do(story.submission("L2", submission_id=first.submission_id, to="nurture"))
    assert (other.code, other.facts) == ("repeat", [])
    assert "L2" not in story.engine.model.leads


def test_a_repeat_while_the_lead_is_held_is_attached_and_its_rep_hears_of_it(engine: Engine) -> None:
    """A second submission of the same person makes no second assignment."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1")
    facts = story.place("L1", to="nurture", stage="lead", card='{"name":"Ada"}')
    assert kinds(facts) == ["decided", "repeat"]
    assert facts[0]["to"] == "attached"
    assert (facts[1]["to"], facts[1]["attempt"], facts[1]["card"]) == ("ana", 1, '{"name":"Ada"}')


def test_a_repeat_while_the_lead_waits_is_attached_and_nobody_is_told(engine: Engine) -> None:
    """Nobody holds it, so nobody hears of the repeat; it keeps its place."""
    story = Story(engine, "ana")
    story.place("L1")
    assert kinds(story.place("L1")) == ["decided"]
    assert story.lead("L1").sub == "s1"


def test_a_rejected_repeat_attaches_nothing(engine: Engine) -> None:
    """A submission that is thrown away is none, also for an open lead."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1")
    facts = story.place("L1", to="none", stage="rejected", steps=())
    assert kinds(facts) == ["decided"]
    assert facts[0]["to"] == "none"


@pytest.mark.parametrize("to", ["nurture", "none"])
def test_what_is_not_for_sales_is_decided_and_reaches_nobody(engine: Engine, to: str) -> None:
    """The ledger only settles that it stays so; the person may be routed to sales later, as a first attempt."""
    story = Story(engine, "ana")
    story.come("ana")
    facts = story.place("L1", to=to, steps=(), clock=None)
    assert kinds(facts) == ["decided"]
    assert facts[0]["to"] == to
    story.place("L1")
    assert (story.holder("L1"), story.lead("L1").attempt) == ("ana", 1)


def test_a_touched_lead_opens_again_with_its_last_rep(engine: Engine) -> None:
    """The rep who had the person comes first, outside the pool's order; the attempt goes on, the clock starts anew."""
    story = Story(engine, "ana", "ben")
    story.come("ben")
    story.place("L1", clock=hot(story.now))
    story.act("touch", "L1", "ben")
    story.come("ana")
    story.wait(60)
    facts = story.place("L1", clock=hot(story.now))
    assert kinds(facts) == ["decided", "assigned", "assigned"]
    assert facts[0]["to"] == "sales"
    assert (facts[1]["rep"], facts[1]["attempt"], facts[1]["sub"]) == ("ben", 2, "s3")
    assert story.wait(5 * MINUTE)[0]["t"] == "breached"


@pytest.mark.parametrize("status", ["busy", "away", "offline"])
def test_reopened_work_does_not_stick_to_somebody_who_is_not_there(engine: Engine, status: str) -> None:
    """The last rep is not available: the lead is offered as any other (chatwoot 7204)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1")
    story.act("touch", "L1", "ana")
    story.come("ana", status=status)
    story.place("L1")
    assert story.holder("L1") == "ben"


def test_a_reopened_lead_passes_by_its_last_rep_who_is_full(engine: Engine) -> None:
    """Below capacity only, like any other assignment."""
    story = Story(engine, seat("ana", capacity=1), "ben")
    story.come("ana", "ben")
    story.place("L1")
    story.act("touch", "L1", "ana")
    story.place("L2")
    story.place("L1")
    assert story.holders("L2", "L1") == ["ana", "ben"]


def test_a_closed_lead_that_opens_again_has_fresh_tries(engine: Engine) -> None:
    """Who declined it last time is a candidate like any other; warnings of the old clock are gone."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", clock=hot(story.now, warn_at=(0.5,)))
    story.act("decline", "L1", "ana")
    story.close("L1", "lost")
    story.come("ben", status="offline")
    story.place("L1")
    assert story.holder("L1") == "ana"
    assert story.lead("L1").tried == {}
    assert story.wait(DAY / 2) == []


def test_a_step_whose_audience_is_unknown_changes_nothing(engine: Engine) -> None:
    """The caller makes the audience known and asks again, under the same submission id."""
    story = Story(engine, "ana")
    verb = story.submission("L1", steps=(Step("new", "all"),))
    assert (story.do(verb).code, story.engine.model.leads) == ("unknown_audience", {})
    assert story.do(story.submission("L1", submission_id=verb.submission_id)).code == "done"


def test_a_lead_that_arrives_late_is_assigned_all_the_same_and_its_breach_told_at_once(engine: Engine) -> None:
    """News of a submission came after its due time: nothing is hidden, and it is warned of nothing."""
    story = Story(engine, "ana")
    story.come("ana")
    clock = hot(story.now - 10 * MINUTE * 1000, on_breach=("notify_manager", "reassign"), warn_at=(0.5,))
    facts = story.place("L1", clock=clock, submitted_at=story.now - 10 * MINUTE * 1000)
    assert kinds(facts) == ["decided", "assigned", "assigned", "breached", "sla_breach", "sla_breach"]
    assert [fact["to"] for fact in all_of(facts, "sla_breach")] == ["ana", "mia"]
    assert story.wait(2 * HOUR) == []


def test_a_late_lead_that_waits_is_told_to_its_manager(engine: Engine) -> None:
    """Nobody holds it: the manager whom the route names hears of the breach."""
    story = Story(engine, "ana")
    submitted = story.now - 10 * MINUTE * 1000
    facts = story.place("L1", clock=hot(submitted, on_breach=("notify_manager",)), submitted_at=submitted)
    assert kinds(facts) == ["decided", "queued", "breached", "sla_breach"]
    assert only(facts, "sla_breach")["role"] == "manager"


def test_a_threshold_that_has_passed_is_not_warned_of(engine: Engine) -> None:
    """Half of the time was over on arrival: only the later warning comes."""
    story = Story(engine, "ana")
    story.come("ana")
    submitted = story.now - 200_000
    story.place("L1", clock=hot(submitted, warn_at=(0.5, 0.8)), submitted_at=submitted)
    assert [fact["threshold"] for fact in all_of(story.wait(99), "warned")] == [0.8]


def test_a_manager_hears_once_that_nobody_is_there(engine: Engine) -> None:
    """A lead is queued although nobody is within working hours; queued again, that is not said again."""
    story = Story(engine, seat("ana", active=False), seat("ben", capacity=1))
    facts = story.place("L1", steps=(Step("all", "all", accept_within=10_000),))
    assert kinds(facts) == ["decided", "queued"]  # ben is on the roster and in hours, only not available
    story.install(seat("ana", active=False), seat("ben", 1, active=False))
    facts = story.place("L2")
    assert kinds(facts) == ["decided", "queued", "no_rep_available"]
    assert (facts[2]["role"], facts[2]["to"]) == ("manager", "mia")
    story.install(seat("ben", 1, capacity=2))
    story.come("ben")
    assert story.holders("L1", "L2") == ["ben", "ben"]
    assert kinds(story.install(seat("ben", 1, active=False))) == [
        "unassigned",
        "unassigned",
        "queued",
        "no_rep_available",
        "unassigned",
        "unassigned",
        "queued",
    ]  # L1 hears of it now, L2 did before


def test_a_lead_without_a_manager_waits_in_silence(engine: Engine) -> None:
    """A policy may name no manager; then there is nobody to tell."""
    story = Story(engine, seat("ana", active=False))
    assert kinds(story.place("L1", escalate_to=None)) == ["decided", "queued"]


def test_a_lead_without_a_clock_that_arrives_after_a_day_is_overdue_at_once(engine: Engine) -> None:
    """For the queue only: it stands before a younger one of higher priority."""
    story = Story(engine, seat("ana", capacity=1))
    story.place("young", priority=10)
    story.place("old", submitted_at=story.now - DAY_MS)
    story.come("ana")
    assert story.holder("old") == "ana"
