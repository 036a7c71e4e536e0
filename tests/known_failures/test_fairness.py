"""How leads are dealt out: ties go round, and whoever returns is not made to catch up."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from tests.unit.ledger_story import DAY, Engine, Story, everybody, seat

DEALING = ("least_loaded", "weighted_round_robin", "longest_idle")
"""Every strategy but `in_order`, which is meant to favour the first."""


def dealt(story: Story, count: int, prefix: str, *, every: int = 60_000) -> list[str]:
    """Place *count* leads, one after the other, each touched at once; return to whom they went."""
    out = []
    for number in range(count):
        lead = f"{prefix}{number}"
        story.place(lead)
        out.append(str(story.holder(lead)))
        story.act("touch", lead, out[-1])
        story.now += every
    return out


@pytest.mark.parametrize("strategy", DEALING)
def test_ties_do_not_always_fall_on_the_same_rep(engine: Engine, strategy: str) -> None:
    """Reps with equal loads take turns, whatever their names and their place in the file (odoo 259324)."""
    story = Story(engine, "cai", "ana", "ben", pools=everybody(strategy, "cai", "ana", "ben"))
    story.come("ana", "ben", "cai")
    order = dealt(story, 9, "L")
    assert [set(order[start : start + 3]) for start in (0, 3, 6)] == [{"ana", "ben", "cai"}] * 3


@pytest.mark.parametrize("strategy", ["least_loaded", "weighted_round_robin"])
def test_ties_within_one_instant_do_not_fall_on_the_same_rep(engine: Engine, strategy: str) -> None:
    """A batch of leads, all placed in the same millisecond, is shared out too (odoo 259324)."""
    seats = [seat(rep, capacity=9) for rep in ("ana", "ben", "cai")]
    story = Story(engine, *seats, pools=everybody(strategy, "ana", "ben", "cai"))
    story.come("ana", "ben", "cai")
    leads = [f"L{number}" for number in range(9)]
    for lead in leads:
        story.place(lead)
    assert Counter(story.holders(*leads)) == {"ana": 3, "ben": 3, "cai": 3}


@pytest.mark.parametrize("strategy", DEALING)
@pytest.mark.parametrize("who", ["returns", "joins"])
def test_a_rep_who_comes_back_is_not_flooded(engine: Engine, strategy: str, who: str) -> None:
    """Fifty leads went past ben while he was out or new: from then on it is turn and turn about (RocketChat 13134)."""
    story = Story(engine, "ana", seat("ben", active=who == "returns"), pools=everybody(strategy, "ana", "ben"))
    story.come("ana", "ben")
    dealt(story, 4, "before")
    story.come("ben", status="offline")
    dealt(story, 50, "without", every=DAY // 100 * 1000)
    story.install(seat("ana"), seat("ben", 1))
    story.come("ben")
    order = dealt(story, 10, "after")
    assert Counter(order) == {"ana": 5, "ben": 5}
    assert all(one != following for one, following in pairwise(order))


def test_longest_idle_deals_out_a_batch_in_turn(engine: Engine) -> None:
    """Six leads in one millisecond: each of the three has waited longest twice (odoo 259324)."""
    seats = [seat(rep, capacity=9) for rep in ("ana", "ben", "cai")]
    story = Story(engine, *seats, pools=everybody("longest_idle", "ana", "ben", "cai"))
    story.come("ana", "ben", "cai")
    leads = [f"L{number}" for number in range(6)]
    for lead in leads:
        story.place(lead)
    assert story.holders(*leads) == ["ana", "ben", "cai", "ana", "ben", "cai"]
