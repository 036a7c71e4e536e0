"""Whoever had the person, or the company, before comes first: in the steps of the route or not."""

from __future__ import annotations

from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import HOUR, Engine, Story, all_of, kinds, office, seat

OUTER = {"outer": ("in_order", ("cai",)), "two": ("in_order", ("ana", "ben"))}
STEPS = (Step("two", "two"),)
ACME = {"company": "acme.com", "steps": STEPS}
STICKY = {**ACME, "sticky_account": True}


def test_a_company_goes_to_the_rep_who_had_it_last(engine: Engine) -> None:
    """Another person of the same company: the account's rep comes first, although it is somebody else's turn."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("ben")
    story.place("L1", **ACME)
    story.come("ana")
    assigned = story.place("L2", **STICKY)
    assert story.holders("L1", "L2") == ["ben", "ben"]
    assert [row["step"] for row in assigned if row["t"] == "assigned"] == [1]


def test_without_sticky_a_company_goes_to_whose_turn_it_is(engine: Engine) -> None:
    """The route did not ask for it."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("ben")
    story.place("L1", **ACME)
    story.come("ana")
    story.place("L2", **ACME)
    assert story.holders("L1", "L2") == ["ben", "ana"]


def test_an_owner_from_outside_the_steps_comes_first_all_the_same(engine: Engine) -> None:
    """Neither step nor pool is named then, and the offer stands as long as one of the first step."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("cai")
    story.place("L1", company="acme.com", steps=(Step("outer", "outer"),))
    story.come("ana")
    facts = story.place("L2", **{**STICKY, "steps": (Step("two", "two", accept_within=60_000),)})
    assigned = next(fact for fact in facts if fact["t"] == "assigned")
    assert (assigned["rep"], "step" in assigned, "pool" in assigned) == ("cai", False, False)
    assert assigned["accept_by"] == story.now + 60_000
    assert assigned["cands"][:2] == [("cai", "eligible"), ("ana", "eligible")]
    story.wait(60)
    assert story.holder("L2") == "ana"


def test_an_owner_who_is_not_there_holds_nothing_up(engine: Engine) -> None:
    """Full, away, or after hours: it goes to whose turn it is."""
    story = Story(
        engine, seat("ana", capacity=1), "ben", seat("cai", calendar="office"),
        pools=OUTER, calendars=office((-1, "open"), (1, "outside_hours")),
    )  # fmt: skip
    story.come("ana")
    story.place("L1", **ACME)
    story.come("ben")
    story.place("L2", **STICKY)
    assert story.holder("L2") == "ben"
    story.come("cai")
    story.place("L3", company="other.com", steps=(Step("outer", "outer"),))
    story.wait(2 * HOUR)
    story.place("L4", **{**STICKY, "company": "other.com"})
    assert story.holder("L4") == "ben"


def test_a_daily_limit_does_not_part_an_owner_from_their_lead(engine: Engine) -> None:
    """It shares new leads out; this one is theirs."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER, daily_per_rep=1)
    story.come("ana", "ben")
    story.place("L1", **ACME)
    story.place("L2", **STICKY)
    story.place("L3", **ACME)
    assert story.holders("L1", "L2", "L3") == ["ana", "ana", "ben"]


def test_a_lead_that_waits_goes_to_its_owner_who_becomes_free(engine: Engine) -> None:
    """In the same change, from outside the steps too: the owner may take it, so nobody waits while they are free."""
    story = Story(engine, "ana", "ben", seat("cai", capacity=1), pools=OUTER)
    story.come("cai")
    story.place("L1", company="acme.com", steps=(Step("outer", "outer"),))
    assert kinds(story.place("L2", **STICKY)) == ["decided", "queued"]
    assert kinds(story.act("touch", "L1", "cai")) == ["touched", "assigned", "assigned"]
    assert story.holder("L2") == "cai"


def test_an_owner_who_declined_is_last_in_line(engine: Engine) -> None:
    """As anybody else: only when nobody of the pools is on duty, and not before `retry_after`."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("cai", "ana")
    story.place("L1", company="acme.com", steps=(Step("outer", "outer"),))
    story.place("L2", **STICKY)
    story.act("decline", "L2", "cai")
    assert story.holder("L2") == "ana"
    story.come("ana", status="offline")
    assert story.holder("L2") is None
    story.wait(30)
    assert story.holder("L2") == "cai"


def test_who_touched_a_lead_had_it(engine: Engine) -> None:
    """Somebody else made the first contact: person and company are theirs from then on."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("ana", "ben")
    story.place("L1", **ACME)
    story.act("touch", "L1", "ben")
    story.place("L1", **ACME)
    story.place("L2", **STICKY)
    assert story.holders("L1", "L2") == ["ben", "ben"]


def test_a_removed_owner_is_nobody(engine: Engine) -> None:
    """Whoever left the team gets nothing any more (SuiteCRM 8935)."""
    story = Story(engine, "ana", "ben", "cai", pools=OUTER)
    story.come("ana", "ben")
    story.place("L1", **ACME)
    story.act("touch", "L1", "ana")
    story.install(seat("ben"), seat("cai", order=1))
    story.place("L2", **STICKY)
    story.place("L1", **ACME)
    assert story.holders("L1", "L2") == ["ben", "ben"]
    assert all(fact["to"] != "ana" for fact in all_of(story.facts[-4:], "assigned") if fact["t"] == "notify")
