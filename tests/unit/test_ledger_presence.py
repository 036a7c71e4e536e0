"""Who is there: only `available` takes leads, presence runs out, and who goes away gives back what is not accepted."""

from __future__ import annotations

import pytest

from router.domain.ledger.verbs import Attend, Close, Step
from tests.unit.ledger_story import Engine, Status, Story, kinds, office, only, seat

OFFER = (Step("all", "all", accept_within=3_600_000),)


def test_nobody_is_available_who_has_not_said_so(engine: Engine) -> None:
    """A rep starts offline (libredesk 568)."""
    story = Story(engine, "ana")
    assert kinds(story.place("L1")) == ["decided", "queued"]


@pytest.mark.parametrize("status", ["busy", "away", "offline"])
def test_only_available_takes_leads(engine: Engine, status: Status) -> None:
    """Any other status waits; turning available is served in the same change."""
    story = Story(engine, "ana")
    story.come("ana", status=status)
    story.place("L1")
    assert story.holder("L1") is None
    assert kinds(story.come("ana")) == ["assigned", "assigned"]


def test_busy_keeps_what_it_has(engine: Engine) -> None:
    """A busy rep may be calling the one in hand: it is not taken back, accepted or not, and can be accepted."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER)
    assert story.come("ana", status="busy") == []
    assert story.holder("L1") == "ana"
    assert kinds(story.act("accept", "L1", "ana", attempt=1)) == ["accepted"]


@pytest.mark.parametrize("status", ["away", "offline"])
def test_who_leaves_gives_back_what_is_not_accepted_and_it_goes_on_at_once(engine: Engine, status: Status) -> None:
    """Accepted leads stay; the others go to the next rep in the same change, and that is no try of the rep's."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    for lead in ("L1", "L2", "L3"):
        story.place(lead, steps=OFFER)
    story.act("accept", "L2", "ana")
    story.come("ben")
    facts = story.come("ana", status=status)
    assert kinds(facts) == ["unassigned", "unassigned", "assigned", "assigned"] * 2
    assert facts[0]["reason"] == "rep_unavailable"
    assert story.holders("L1", "L2", "L3") == ["ben", "ana", "ben"]
    assert (story.lead("L1").tries, story.lead("L1").tried) == (0, {})


def test_presence_runs_out_by_itself(engine: Engine) -> None:
    """A browser that died is not available for ever: the ttl ends it, and the lead goes on (chatwoot 5436)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", ttl=90)
    story.place("L1", steps=OFFER)
    story.come("ben")
    assert story.wait(89) == []
    facts = story.wait(1)
    assert kinds(facts) == ["unassigned", "unassigned", "assigned", "assigned"]
    assert (story.rep("ana").status, story.holder("L1")) == ("offline", "ben")


@pytest.mark.parametrize("ttl", [0, 90])
def test_a_ttl_of_zero_never_expires(engine: Engine, ttl: int) -> None:
    """0 stands for no end; any other number for that many seconds."""
    story = Story(engine, "ana")
    story.come("ana", ttl=ttl)
    story.wait(7 * 86_400)
    assert story.rep("ana").status == ("offline" if ttl else "available")


def test_any_verb_notices_an_expiry(engine: Engine) -> None:
    """No tick came since the ttl passed: a new lead does not go to who is gone."""
    story = Story(engine, "ana", "ben")
    story.come("ana", ttl=10)
    story.come("ben")
    story.now += 10_000
    assert only(story.place("L1"), "decided")
    assert story.holder("L1") == "ben"


def test_an_expiry_is_told_before_what_the_verb_itself_does(engine: Engine) -> None:
    """The facts come in the order in which things are true."""
    story = Story(engine, "ana")
    story.come("ana", ttl=10)
    story.place("L1", steps=OFFER)
    story.now += 10_000
    assert kinds(story.place("L2")) == ["unassigned", "unassigned", "queued", "decided", "queued"]


def test_an_opening_gives_nothing_to_who_has_expired_meanwhile(engine: Engine) -> None:
    """The office opened and ana's presence ran out between two ticks: she is not available, not even for an instant."""
    calendars = office((1, "open"), (9, "outside_hours"))
    story = Story(engine, seat("ana", calendar="office"), seat("ben", calendar="office"), calendars=calendars)
    story.come("ben", ttl=0)
    story.come("ana", ttl=3_600)
    story.place("L1")
    story.now += 3_600_200
    assert kinds(story.wait(0)) == ["assigned", "assigned"]
    assert story.holder("L1") == "ben"


def test_a_heartbeat_renews_the_ttl(engine: Engine) -> None:
    """Heartbeats keep a rep available and assign nothing."""
    story = Story(engine, seat("ana", capacity=1))
    story.come("ana", ttl=90)
    for _ in range(5):
        story.wait(60)
        assert story.heartbeat("ana", ttl=90) == []
    assert story.rep("ana").status == "available"
    story.wait(91)
    assert story.rep("ana").status == "offline"


@pytest.mark.parametrize("status", ["busy", "away", "offline"])
def test_a_heartbeat_changes_no_status(engine: Engine, status: Status) -> None:
    """A page that polls says that it is open, not that somebody is there."""
    story = Story(engine, "ana")
    story.come("ana", status=status)
    story.place("L1")
    assert story.heartbeat("ana", ttl=90) == []
    assert story.rep("ana").status == status


def test_a_heartbeat_that_comes_too_late_is_none(engine: Engine) -> None:
    """News of a heartbeat whose own ttl has passed: the rep was last heard of too long ago."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.now += 600_000
    facts = story.do(Attend("ana", "available", story.now - 300_000, 90_000, heartbeat=True)).facts
    assert kinds(facts) == ["unassigned", "unassigned", "queued"]
    assert story.rep("ana").status == "offline"


def test_news_of_a_presence_that_has_run_out_means_offline(engine: Engine) -> None:
    """An "available" of ten minutes ago with a ttl of 90 seconds makes nobody available."""
    story = Story(engine, "ana")
    story.come("ana", status="busy")
    story.now += 600_000
    story.come("ana", ttl=90, at=-300)
    assert story.rep("ana").status == "offline"
    assert kinds(story.place("L1")) == ["decided", "queued"]


def test_the_newest_at_wins_whatever_order_presences_arrive_in(engine: Engine) -> None:
    """An older one changes nothing, and neither does the same one again (chatwoot 15524)."""
    story = Story(engine, "ana")
    story.now += 10_000
    assert story.do(Attend("ana", "away", story.now, 0)).code == "done"
    assert story.do(Attend("ana", "available", story.now - 1, 0)).code == "repeat"
    assert story.do(Attend("ana", "available", story.now, 0)).code == "repeat"
    assert story.rep("ana").status == "away"


def test_a_clock_that_runs_ahead_is_held_to_now(engine: Engine) -> None:
    """A presence of tomorrow does not lock out all of today's, and its ttl runs from now."""
    story = Story(engine, "ana")
    story.do(Attend("ana", "available", story.now + 86_400_000, 90_000))
    story.come("ana", status="busy", ttl=90)
    assert story.rep("ana").status == "busy"
    story.wait(90)
    assert story.rep("ana").status == "offline"


def test_of_two_that_are_held_to_the_same_instant_the_newer_wins(engine: Engine) -> None:
    """The clock that sends both is seconds ahead, and they come together: who said away last is away."""
    story = Story(engine, "ana")
    story.now += 10_000
    assert story.do(Attend("ana", "available", story.now + 2_000, 0)).code == "done"
    assert story.do(Attend("ana", "away", story.now + 3_000, 0)).code == "done"
    assert story.do(Attend("ana", "available", story.now + 2_000, 0)).code == "repeat"
    assert story.do(Attend("ana", "away", story.now + 3_000, 0)).code == "repeat"
    assert story.rep("ana").status == "away"
    story.now += 1
    assert story.do(Attend("ana", "busy", story.now, 0)).code == "done"
    assert story.rep("ana").status == "busy"


def test_a_stranger_s_presence_is_refused(engine: Engine) -> None:
    """Only reps of the configuration are known."""
    story = Story(engine, "ana")
    assert story.do(Attend("zoe", "available", story.now, 0)).code == "unknown_rep"
    assert story.do(Close("o", "nothing", "won", story.now)).code == "unknown_lead"


def test_who_comes_back_gets_what_waits(engine: Engine) -> None:
    """Everything that a rep gave back and nobody took comes back with them, up to their capacity."""
    story = Story(engine, seat("ana", capacity=2))
    story.come("ana")
    story.place("L1", steps=OFFER)
    story.place("L2", steps=OFFER)
    story.come("ana", status="offline")
    assert story.holders("L1", "L2") == [None, None]
    story.come("ana")
    assert story.holders("L1", "L2") == ["ana", "ana"]
    assert story.lead("L1").attempt == 2
