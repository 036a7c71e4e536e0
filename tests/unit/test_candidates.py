"""Who could take a lead: audiences shared by leads alike, and each rep's code in the contract's order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from router.domain.candidates import REASONS, RepState, candidates, sentence
from router.domain.policy import Policy
from router.domain.routing import Audience, again, audiences
from router.events.assignment import CandidateCode
from tests.unit.policy_text import MINIMAL, change, load

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)  # 11:00 in Oslo
EN = {"lead": {"language": "en", "email": "x@y.example"}}
NO = {"lead": {"language": "no"}}

REPS = """\
reps:
  - {id: a, name: A, email: a@s.example, weight: 2}
  - {id: b, name: B, email: b@s.example}
  - {id: c, name: C, email: c@s.example, calendar: office}
  - {id: d, name: D, email: d@s.example, active: false}
  - {id: e, name: E, email: e@s.example, capacity: 0}
managers:
  - {id: mia, name: Mia, email: mia@sales.example}
pools:
  one: {members: 'rep.id != "b"', strategy: least_loaded}
  two: {members: 'true', strategy: longest_idle}
"""


@pytest.fixture
def team(tmp_path: Path) -> Policy:
    """Five reps in two pools; the route asks the first, and after 90 s the second."""
    text = MINIMAL[: MINIMAL.index("reps:\n")] + REPS + MINIMAL[MINIMAL.index("routes:\n") :]
    text = change("pool: all, match: 'lead.language in rep.languages'", "pool: one", text)
    text = change("pool: bens", "pool: two", text)
    return load(tmp_path, text).policy


def codes(policy: Policy, states: dict[str, RepState], age: float = 0, at: datetime = MONDAY) -> dict[str, str]:
    """Return rep -> code, in the order of the answer, for a lead that is *age* seconds old."""
    route = policy.routes[0]
    found = candidates(
        route.steps,
        audiences(route, policy, EN),
        policy,
        states,
        submitted_at=at - timedelta(seconds=age),
        now=at,
    )
    return {one.rep_id: one.code for one in found}


def everybody(policy: Policy, **changed: RepState) -> dict[str, RepState]:
    """Return all reps available, but for those *changed*."""
    return {**{rep: RepState() for rep in policy.reps}, **changed}


def test_leads_alike_share_an_audience(tmp_path: Path) -> None:
    """The id hangs on the pool, the match and the values that it names, and on nothing else of the lead."""
    policy = load(tmp_path).policy
    first, second = audiences(policy.routes[0], policy, EN)
    other, _ = audiences(policy.routes[0], policy, {"lead": {"language": "en", "email": "another@z.example"}})
    norwegian, _ = audiences(policy.routes[0], policy, NO)
    assert first.id == other.id
    assert first.id != norwegian.id
    assert first.members == ("ana", "ben")
    assert norwegian.members == ("ana",)
    assert second.members == ("ben",)
    assert second.match is None


def test_a_value_that_nobody_knows_matches_nobody(tmp_path: Path) -> None:
    """A match over an unknown value has no members; the next step is for that."""
    policy = load(tmp_path).policy
    assert audiences(policy.routes[0], policy, {"lead": {}})[0].members == ()


def test_the_id_of_an_audience_outlives_a_policy(tmp_path: Path) -> None:
    """Under another policy the same audience has the same id and that policy's members."""
    before = load(tmp_path / "a").policy
    after = load(tmp_path / "b", change("attributes: {languages: [en]}", "attributes: {languages: ['no']}")).policy
    audience = audiences(before.routes[0], before, EN)[0]
    renewed = again(audience, after)
    assert before.version != after.version
    assert renewed.id == audience.id
    assert renewed.members == ("ana",)
    assert renewed == audiences(after.routes[0], after, EN)[0]


def test_an_audience_whose_pool_is_gone_has_nobody(tmp_path: Path) -> None:
    """A lead keeps its steps; one without its pool has no members."""
    policy = load(tmp_path).policy
    audience = audiences(policy.routes[0], policy, EN)[1]
    gone = replace(policy, version="later", pools={"all": policy.pools["all"]})
    assert again(audience, gone).members == ()


def test_a_match_over_what_a_policy_no_longer_knows_matches_nobody() -> None:
    """A column that went with its dataset is unknown."""
    from tests.unit.test_decision import SHIPPED  # noqa: PLC0415 - the one policy with a pool named so

    audience = Audience("x", "everyone", "least_loaded", ("ana",), "rep . tier == company . tier", '{"company.tier":1}')
    assert again(audience, SHIPPED).members == ()


def test_every_code_has_a_sentence() -> None:
    """The table covers the contract's codes, and a sentence names the rep."""
    assert set(REASONS) == set(get_args(CandidateCode))
    assert sentence("outside_hours", "Ana") == "Ana is outside working hours"


def test_the_first_reason_that_applies_is_told(team: Policy) -> None:
    """Inactive, status, hours, capacity and the daily limit come in the contract's order."""
    limited = replace(team, limits=replace(team.limits, daily_per_rep=2))
    states = everybody(
        team,
        a=RepState(open=3, assigned_today=2),
        b=RepState(assigned_today=2),
        c=RepState(status="away", open=9),
        d=RepState(status="busy"),
    )
    assert codes(limited, states) == {
        "a": "at_capacity", "c": "away", "d": "inactive", "e": "at_capacity", "b": "daily_limit"
    }  # fmt: skip


def test_hours_and_holidays_are_kept_apart(team: Policy) -> None:
    """A closed office and a public holiday have their own codes."""
    night = datetime(2026, 3, 2, 22, tzinfo=UTC)
    national_day = datetime(2027, 5, 17, 10, tzinfo=UTC)
    assert codes(team, everybody(team), at=night)["c"] == "outside_hours"
    assert codes(team, everybody(team), at=national_day)["c"] == "holiday"


def test_a_rep_without_presence_is_offline(team: Policy) -> None:
    """Nobody is available by default."""
    assert codes(team, {"a": RepState()})["b"] == "offline"


def test_the_least_loaded_by_weight_is_first(team: Policy) -> None:
    """Open leads count by weight, then who has waited longest, then the id."""
    assert list(codes(team, everybody(team, a=RepState(open=1), c=RepState(open=1))))[:2] == ["a", "c"]
    old, new = MONDAY - timedelta(hours=2), MONDAY - timedelta(hours=1)
    waited = everybody(team, a=RepState(last_assigned_at=new), c=RepState(last_assigned_at=old))
    assert list(codes(team, waited))[:2] == ["c", "a"]
    assert list(codes(team, everybody(team)))[:2] == ["a", "c"]


def test_a_later_step_waits_for_this_one(team: Policy) -> None:
    """While somebody of the first step can take the lead, the second step's reps are told so."""
    assert codes(team, everybody(team))["b"] == "later_step"


def test_widening_holds_back_while_somebody_on_duty_could_become_free(team: Policy) -> None:
    """A full first step is waited for until the lead is old enough; an empty one is passed at once."""
    full = everybody(team, a=RepState(open=3), c=RepState(open=3))
    assert codes(team, full, age=89)["b"] == "later_step"
    assert codes(team, full, age=90)["b"] == "eligible"
    gone = everybody(team, a=RepState(status="offline"), c=RepState(status="away"))
    assert codes(team, gone)["b"] == "eligible"


def test_an_owner_comes_first_even_from_outside_the_step(team: Policy) -> None:
    """Who had the person before is offered the lead first, unless they are full."""
    assert next(iter(codes(team, everybody(team, b=RepState(owns=True))).items())) == ("b", "eligible")
    assert codes(team, everybody(team, b=RepState(owns=True, open=3)))["b"] == "at_capacity"


def test_members_whom_the_match_leaves_out_are_told(tmp_path: Path) -> None:
    """A rep of the pool who does not speak the lead's language is `no_match`, where no other step has them."""
    text = change("      - {pool: bens}\n", "")
    policy = load(tmp_path, text).policy
    route = policy.routes[0]
    states = {rep: RepState() for rep in policy.reps}
    found = candidates(
        route.steps, audiences(route, policy, NO), policy, states, submitted_at=MONDAY, now=MONDAY
    )  # fmt: skip
    assert [(one.rep_id, one.code) for one in found] == [("ana", "eligible"), ("ben", "no_match")]
