"""Who is taken for available: browsers that die, words that nobody knows, people who have left."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from router.domain.ledger.verbs import Step
from router.domain.policy import Policy
from router.domain.routing import audiences
from router.events.presence import PresenceStatus
from router.pipeline.install import install
from tests.known_failures.moments import moves, present
from tests.unit.ledger_story import HOUR, Engine, Story, office, seat
from tests.unit.policy_text import MINIMAL, change, load

OFFER = (Step("all", "all", accept_within=HOUR * 1000),)
NOT_AVAILABLE = [one for one in get_args(PresenceStatus) if one != "available"]


def test_a_browser_that_died_is_not_available_for_ever(engine: Engine) -> None:
    """Nobody says goodbye when a browser dies: the ttl ends its presence and gives its offers on (chatwoot 5436)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", ttl=90)
    story.wait(60)
    story.heartbeat("ana", ttl=90)
    story.place("L1", steps=OFFER)
    assert story.wait(89.998) == []
    assert story.holder("L1") == "ana"

    assert moves(story.wait(0.002)) == ["unassigned", "queued"]
    story.place("L2")
    story.heartbeat("ana", ttl=90)  # the dead browser's last one, late
    story.place("L3")
    assert story.holders("L1", "L2", "L3") == [None, None, None]
    story.come("ben")
    assert story.holders("L1", "L2", "L3") == ["ben", "ben", "ben"]


@pytest.mark.parametrize("status", [*NOT_AVAILABLE, "lunch", "never said a word"])
def test_only_available_is_available(engine: Engine, status: str) -> None:
    """Whoever is anything but `available` is offered nothing, a word that nobody knows included (libredesk 568)."""
    story = Story(engine, "ana")
    if status != "never said a word":
        story.come("ana", status=status)
    story.place("L1")
    story.wait(600)
    assert story.holder("L1") is None
    story.come("ana")
    assert story.holder("L1") == "ana"


@pytest.mark.parametrize("why", ["offline", "away", "busy", "died", "off hours", "inactive", "gone"])
def test_a_reopened_lead_does_not_stick_to_a_rep_who_is_not_there(engine: Engine, why: str) -> None:
    """The last rep comes first where they can take it; where they cannot it goes to whoever can (chatwoot 7204)."""
    hours = office((-1, "open"), (1, "outside_hours"))
    story = Story(engine, seat("ana", calendar="office"), seat("ben"), calendars=hours)
    story.come("ana", ttl=1800 if why == "died" else 0)
    story.place("L1")
    story.act("touch", "L1", "ana")
    story.come("ben")
    if why in ("offline", "away", "busy"):
        story.come("ana", status=why)
    elif why == "inactive":
        story.install(seat("ana", active=False), seat("ben", 1))
    elif why == "gone":
        story.install(seat("ben", 1))
    story.wait(HOUR if why in ("died", "off hours") else 1)

    story.place("L1")
    assert story.holder("L1") == "ben"
    assert story.lead("L1").attempt == 2


def policy(folder: Path, *, active: bool) -> Policy:
    """Return a policy of two reps who take turns, ana in use or not."""
    text = MINIMAL
    for old, new in (
        (", match: 'lead.language in rep.languages', accept_within: 60s, widen_after: 90s", ""),
        ("      - {pool: bens}\n", ""),
        ("strategy: least_loaded", "strategy: weighted_round_robin"),
        ("capacity: 1, weight: 2", "capacity: 9"),
        ("id: ana,", f"id: ana, capacity: 9, active: {str(active).lower()},"),
    ):
        text = change(old, new, text)
    return load(folder, text).policy


def test_inactive_reps_are_not_in_the_rotation(engine: Engine, tmp_path: Path) -> None:
    """`active: false` in the file takes a rep out of every turn, however available they are (SuiteCRM 8935)."""
    without, with_ana = policy(tmp_path, active=False), policy(tmp_path, active=True)
    [audience] = audiences(without.routes[0], without, {})
    story = Story(engine, "nobody", pools={audience.id: ("in_order", ())})

    def deal(loaded: Policy, *leads: str) -> list[str | None]:
        story.do(install(loaded, [audience], present(story)))
        story.come("ana", "ben")
        for lead in leads:
            story.place(lead, steps=(Step(audience.id, audience.pool),))
        return story.holders(*leads)

    assert deal(without, "L1", "L2", "L3", "L4") == ["ben"] * 4
    assert [fact for fact in story.facts if fact["t"] == "assigned"][-1]["cands"] == [
        ("ben", "eligible"),
        ("ana", "inactive"),
    ]
    assert sorted(map(str, deal(with_ana, "M1", "M2"))) == ["ana", "ben"]
    assert deal(without, "N1", "N2") == ["ben", "ben"]
