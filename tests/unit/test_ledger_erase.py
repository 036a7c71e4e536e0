"""A person who is to be forgotten: the lead ends, nothing of it stays, and nothing older brings it back."""

from __future__ import annotations

import pytest

from tests.unit.ledger_story import DAY, MINUTE, Engine, Story, all_of, hot, kinds, only

CARD = '{"name":"Ada"}'


def floor(engine: Engine) -> Story:
    """Return a floor with one rep, who has room for one lead of three."""
    story = Story(engine, "ana")
    story.come("ana")
    return story


def test_an_open_lead_is_closed_and_its_rep_is_free(engine: Engine) -> None:
    """The clock is cancelled, who waits is served in the same change, and no timer is left."""
    story = floor(engine)
    for number in range(4):
        story.place(f"L{number}", clock=hot(story.now), card=CARD)
    assert story.holders("L0", "L3") == ["ana", None]

    facts = story.erase("L0")

    assert kinds(facts) == ["closed", "cancelled", "assigned", "assigned"]
    assert (only(facts, "closed")["reason"], only(facts, "closed")["rep"]) == ("erased", "ana")
    assert story.holders("L0", "L3") == [None, "ana"]
    assert story.lead("L0").card == "{}"
    assert story.lead("L0").sub == ""
    assert not [timer for timer in engine.model.timers if timer[1] == "L0"]


@pytest.mark.parametrize("ends", ["touch", "won", "nurture"])
def test_a_lead_that_is_over_is_forgotten_too(engine: Engine, ends: str) -> None:
    """The log hears of it where the lead was in sales; the second time there is nothing to say."""
    story = floor(engine)
    story.place("L1", clock=hot(story.now), to="nurture" if ends == "nurture" else "sales")
    if ends == "touch":
        story.act("touch", "L1", "ana")
    elif ends == "won":
        story.close("L1", "won")

    told = story.erase("L1")
    assert kinds(told) == ([] if ends == "nurture" else ["closed"])
    assert story.erase("L1") == []
    assert story.wait(DAY) == []


def test_what_was_sent_before_opens_nothing(engine: Engine) -> None:
    """A submission that was on its way, or comes again: decided for nobody; the next one begins anew."""
    story = floor(engine)
    story.place("L1", card=CARD)
    sent = story.now
    story.wait(MINUTE)
    story.erase("L1")

    old = story.place("L1", submitted_at=sent, card=CARD)
    assert [(fact["t"], fact["to"], fact["erased"]) for fact in old] == [("decided", "none", True)]
    assert story.lead("L1").card == "{}"

    story.wait(1)
    new = story.place("L1", card=CARD)
    assert kinds(new) == ["decided", "assigned", "assigned"]
    assert (only(new, "decided")["to"], all_of(new, "assigned")[0]["attempt"]) == ("sales", 2)
    late = story.place("L1", submitted_at=sent, card='{"name":"old"}')
    assert kinds(late) == ["decided"]
    assert story.lead("L1").card == CARD


def test_somebody_never_seen_is_remembered_as_erased(engine: Engine) -> None:
    """Their submission may still be on its way."""
    story = floor(engine)
    story.erase("L9")

    assert only(story.place("L9", submitted_at=story.now - 1), "decided")["to"] == "none"


def test_the_last_rep_is_forgotten(engine: Engine) -> None:
    """Who had the person before does not come first any more."""
    story = Story(engine, "ana", "ben")
    story.come("ben")
    story.place("L1")
    story.act("touch", "L1", "ben")
    story.come("ana")
    story.erase("L1")
    story.wait(1)

    story.place("L1")
    assert story.holder("L1") == "ana"


def test_a_rep_who_speaks_of_it_later_changes_nothing(engine: Engine) -> None:
    """Their click was on its way; they are told that it is not theirs, without the person's data."""
    story = floor(engine)
    story.place("L1", card=CARD)
    story.erase("L1")

    [told] = story.act("accept", "L1", "ana", 1)
    assert (told["kind"], told["card"]) == ("superseded", "{}")
    assert story.act("touch", "L1", "ana") == []
    assert story.close("L1") == []
