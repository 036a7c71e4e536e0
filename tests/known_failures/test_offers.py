"""Offers that end: the lead goes on, the rep's place is free again, and nothing is left behind."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Step
from tests.known_failures.moments import moves
from tests.unit.ledger_story import Engine, Story, hot, kinds, seat

OFFER = (Step("all", "all", accept_within=60_000),)
ENDS = (
    "declined", "released", "missed", "rep went offline", "rep went away", "browser died", "rep was removed",
    "rep was made inactive", "breach moved it", "a colleague called", "the rep called", "the lead was lost",
)  # fmt: skip


def end(story: Story, how: str) -> None:
    """Let the offer of L1 to ana end."""
    away = {"rep went offline": "offline", "rep went away": "away"}
    ben = seat("ben", 1, capacity=1)
    if how == "declined":
        story.act("decline", "L1", "ana")
    elif how == "released":
        story.act("accept", "L1", "ana")
        story.act("release", "L1", "ana")
    elif how in ("missed", "browser died", "breach moved it"):
        story.wait({"missed": 60, "browser died": 30, "breach moved it": 45}[how])
    elif how in away:
        story.come("ana", status=away[how])
    elif how in ("rep was removed", "rep was made inactive"):
        story.install(ben) if how == "rep was removed" else story.install(seat("ana", active=False), ben)
        story.install(seat("ana", capacity=2), ben)
    elif how in ("a colleague called", "the rep called"):
        story.act("touch", "L1", "ben" if how == "a colleague called" else "ana")
    else:
        story.close("L1", "lost")


@pytest.mark.parametrize("how", ENDS)
def test_no_offer_is_stranded_and_no_capacity_leaks(engine: Engine, how: str) -> None:
    """However an offer ends, the lead is over or goes on, and the rep's place is free (Salesforce 000384795)."""
    story = Story(engine, seat("ana", capacity=2), seat("ben", capacity=1))
    story.come("ana", ttl=30 if how == "browser died" else 0)
    story.come("ben")
    moving = hot(story.now, first_touch=45, on_breach=("reassign",))
    story.place("L1", steps=OFFER, clock=moving if how == "breach moved it" else None)
    assert story.holder("L1") == "ana"

    end(story, how)

    over = how in ("a colleague called", "the rep called", "the lead was lost")
    assert story.holder("L1") == (None if over else "ben")
    story.act("accept", "L1", "ben")
    if over:
        story.come("ben", status="offline")
    story.come("ana")
    for lead in ("M1", "M2", "M3"):
        story.place(lead)
    assert story.holders("M1", "M2", "M3") == ["ana", "ana", None]
    assert story.rep("ana").load == 2


def test_who_waits_is_served_by_the_place_that_an_offer_left(engine: Engine) -> None:
    """The place is free in the same change: a lead that waited for it has it at once (Salesforce 000384795)."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.place("L2", steps=OFFER)
    assert moves(story.wait(60)) == ["unassigned", "queued", "assigned"]
    assert story.holders("L1", "L2") == [None, "ana"]


@pytest.mark.parametrize("how", ["declined", "released", "missed"])
def test_a_lead_is_offered_to_the_only_rep_again(engine: Engine, how: str) -> None:
    """
    Nobody else is there: it goes to them again, `retry_after` later, until `max_attempts` (Salesforce 000382420).

    Then the manager knows, and the rep gets it by coming anew.
    """
    story = Story(engine, "ana", "ben", max_attempts=3, misses_before_away=99)
    story.come("ana")
    story.place("L1", steps=OFFER)
    for attempt in (1, 2, 3):
        assert (story.holder("L1"), story.lead("L1").attempt) == ("ana", attempt)
        if how == "missed":
            facts = story.wait(60)
        else:
            facts = story.act("decline" if how == "declined" else "release", "L1", "ana")
        assert ("no_rep_available" in kinds(facts)) == (attempt == 3)
        assert story.wait(29.999) == []
        assert story.holder("L1") is None
        story.place(f"other{attempt}")  # what comes meanwhile goes past it, to the rep's free place
        assert story.holder(f"other{attempt}") == "ana"
        story.act("touch", f"other{attempt}", "ana")
        story.wait(0.001)
    assert story.holder("L1") is None
    story.come("ana", status="away")
    story.come("ana")
    assert (story.holder("L1"), story.lead("L1").attempt) == ("ana", 4)


def test_a_stale_copy_of_a_lead_changes_no_owner(engine: Engine) -> None:
    """
    Answers, forms and presences from when ana had the lead come in late: it stays with ben (chatwoot 15524).

    There is nothing to save: each is judged by the lead as it is now, and by its attempt.
    """
    story = Story(engine, "ana", "ben")
    story.come("ana")
    before = story.submission("L1", steps=OFFER)
    story.do(before)
    stale = story.now
    story.come("ben")
    story.wait(60)
    assert (story.holder("L1"), story.lead("L1").attempt) == ("ben", 2)

    for action in ("accept", "decline", "release"):
        assert kinds(story.act(action, "L1", "ana", attempt=1)) == ["superseded"]
    assert kinds(story.act("accept", "L1", "ana")) == ["superseded"]
    assert kinds(story.act("decline", "L1", "ben", attempt=1)) == ["superseded"]
    assert story.do(before).code == "repeat"
    story.come("ben", status="offline", at=(stale - story.now) // 1000 - 1)
    assert story.install() == []
    assert (story.holder("L1"), story.lead("L1").attempt, story.lead("L1").state) == ("ben", 2, "held")
