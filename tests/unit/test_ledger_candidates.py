"""What an assignment says of those who were looked at: who would be next, and why the others were not."""

from __future__ import annotations

from typing import Any

from router.domain.ledger.verbs import Audience, Step
from tests.unit.ledger_story import Engine, Story, office, only, seat


def listed(story: Story, lead: str) -> list[tuple[str, str]]:
    """Place *lead* by an inner and an outer step; return its candidates."""
    assigned = story.place(lead, steps=(Step("inner", "inner", widen_after=60_000), Step("outer", "outer")))[1]
    return [(rep, code) for rep, code in assigned["cands"]]


def test_every_code_that_stands_in_the_way(engine: Engine) -> None:
    """The eligible first, in the order they would be offered it; then the excluded, each with the first reason."""
    reps = ("winner", "second", "inactive", "offline", "away", "busy", "closed", "holiday", "full", "daily", "outer")
    pools = {"inner": ("in_order", (*reps[:-1], "stranger")), "outer": ("in_order", ("winner", "outer"))}
    calendars = office((-1, "outside_hours"), (9, "open")) | {"feast": office((-1, "holiday"), (9, "open"))["office"]}
    known: dict[str, dict[str, Any]] = {
        "inactive": {"active": False}, "closed": {"calendar": "office"}, "holiday": {"calendar": "feast"},
        "full": {"capacity": 0}, "second": {"capacity": 1},
    }  # fmt: skip
    seats = [seat(rep, **known.get(rep, {})) for rep in (*reps, "stranger")]
    story = Story(engine, *seats, pools=pools, calendars=calendars, daily_per_rep=1)
    story.do(Audience("inner", "inner", "in_order", reps[:-1], "not the stranger"))
    story.do(Audience("only", "inner", "in_order", ("daily",)))
    story.come(*(rep for rep in (*reps, "stranger") if rep not in ("offline", "away", "busy")))
    story.come("away", status="away")
    story.come("busy", status="busy")
    story.place("of daily", steps=(Step("only", "inner"),))
    assert listed(story, "L1") == [
        ("winner", "eligible"), ("second", "eligible"), ("inactive", "inactive"), ("offline", "offline"),
        ("away", "away"), ("busy", "busy"), ("closed", "outside_hours"), ("holiday", "holiday"),
        ("full", "at_capacity"),
        ("daily", "daily_limit"), ("stranger", "no_match"), ("outer", "later_step"),
    ]  # fmt: skip


def test_who_was_tried_is_listed_so(engine: Engine) -> None:
    """After a decline the next assignment tells that the first had it."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1")
    assert only(story.act("decline", "L1", "ana")[:2], "assigned")["cands"] == [
        ("ben", "eligible"),
        ("ana", "already_tried"),
    ]


def test_the_chosen_one_is_named_first_though_others_would_come_before(engine: Engine) -> None:
    """A lead that is taken by accept, or goes back to its last rep."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L0")
    story.come("ana", status="busy")
    story.place("L1")
    story.act("touch", "L1", "ben")
    story.come("ana")
    story.place("L1")
    assert story.facts[-2]["cands"] == [("ben", "eligible"), ("ana", "eligible")]


def test_at_most_twenty_are_listed_and_all_are_counted(engine: Engine) -> None:
    """The wire carries the first twenty, `considered` says how many there were."""
    story = Story(engine, *(f"r{i:02}" for i in range(30)), seat("last", capacity=1))
    story.come(*(f"r{i:02}" for i in range(25)))
    first = story.place("L1")[1]
    assert (len(first["cands"]), first["cands"][0][0], first["considered"]) == (20, "r00", 31)
    assert {code for _, code in first["cands"]} == {"eligible"}
    story.come(*(f"r{i:02}" for i in range(20)), status="away")
    second = story.place("L2")[1]
    assert [code for _, code in second["cands"]] == ["eligible"] * 5 + ["away"] * 15


def test_who_has_the_lead_from_outside_its_pools_is_counted_too(engine: Engine) -> None:
    """Taken by accept, then theirs as its owner: never are fewer counted than are listed."""
    pools = {"inner": ("in_order", ("ana", "ben")), "outer": ("in_order", ("cai",))}
    story = Story(engine, "ana", "ben", "cai", pools=pools)
    inner: dict[str, Any] = {"steps": (Step("inner", "inner"),), "considered": 2}
    story.come("cai")
    story.place("L1", **inner)
    taken = only(story.act("accept", "L1", "cai")[:1], "assigned")
    story.act("touch", "L1", "cai")
    back = story.place("L1", **inner)[1]
    for assigned in (taken, back):
        assert assigned["cands"] == [("cai", "eligible"), ("ana", "offline"), ("ben", "offline")]
        assert assigned["considered"] == 3


def test_who_has_joined_a_pool_since_the_decision_is_counted_too(engine: Engine) -> None:
    """The lead was decided when ana was alone in it; who is next in line is told as things stand now."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    assigned = story.place("L1", considered=1)[1]
    assert (len(assigned["cands"]), assigned["considered"]) == (2, 2)


def test_a_lead_given_to_somebody_tried_lists_them_first(engine: Engine) -> None:
    """Nobody else is on duty: the one who had it has it again, by the step they are in."""
    story = Story(engine, "ana", "ben")
    story.come("ana")
    story.place("L1")
    story.act("decline", "L1", "ana")
    [assigned, _] = story.wait(30)
    assert (assigned["cands"], assigned["step"]) == ([("ana", "eligible"), ("ben", "offline")], 1)


def test_twenty_are_named_of_a_large_team(engine: Engine) -> None:
    """Who can take it first, then the others in the configuration's order; how many there were is told beside."""
    team = [f"r{number:02}" for number in range(50)]
    story = Story(engine, *team)
    story.come("r05")
    [assigned] = [fact for fact in story.place("L1") if fact["t"] == "assigned"]
    assert [rep for rep, _ in assigned["cands"]] == ["r05", *(rep for rep in team[:20] if rep != "r05")]
    assert assigned["considered"] == 50
