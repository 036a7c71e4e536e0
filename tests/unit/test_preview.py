"""Who could take a lead: each rep's code in the contract's order, as the ledger's own model has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, get_args

import pytest

from router.domain.candidates import REASONS, sentence
from router.domain.ledger.verbs import Attend
from router.domain.policy import Policy
from router.events.assignment import CandidateCode
from router.events.base import to_millis
from router.pipeline.preview import Standing, Team, candidates
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


@dataclass(frozen=True)
class Now:
    """How a rep stands."""

    status: Literal["available", "busy", "away", "offline"] = "available"
    open: int = 0
    last_assigned_at: datetime | None = None
    assigned_today: int = 0


def team_of(states: dict[str, Now], at: datetime, owners: Sequence[str] = ()) -> Team:
    """Return the team that stands so at *at*."""
    presences = [Attend(rep, one.status, to_millis(at), 0) for rep, one in states.items()]
    standings = {rep: Standing(one.open, one.last_assigned_at, one.assigned_today) for rep, one in states.items()}
    return Team(presences, standings, owners)


def codes(
    policy: Policy, states: dict[str, Now], age: float = 0, at: datetime = MONDAY, owners: Sequence[str] = ()
) -> dict[str, str]:
    """Return rep -> code, in the order of the answer, for a lead that is *age* seconds old."""
    submitted_at = at - timedelta(seconds=age)
    found = candidates(policy.routes[0], EN, submitted_at, policy, team_of(states, at, owners), at)
    return {one.rep_id: one.code for one in found}


def everybody(policy: Policy, **changed: Now) -> dict[str, Now]:
    """Return all reps available, but for those *changed*."""
    return {**{rep: Now() for rep in policy.reps}, **changed}


def test_every_code_has_a_sentence() -> None:
    """The table covers the contract's codes, and a sentence names the rep."""
    assert set(REASONS) == set(get_args(CandidateCode))
    assert sentence("outside_hours", "Ana") == "Ana is outside working hours"


def test_the_first_reason_that_applies_is_told(team: Policy) -> None:
    """Inactive, status, hours, capacity and the daily limit come in the contract's order."""
    limited = replace(team, limits=replace(team.limits, daily_per_rep=2))
    states = everybody(
        team,
        a=Now(open=3, assigned_today=2),
        b=Now(assigned_today=2),
        c=Now(status="away", open=9),
        d=Now(status="busy"),
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
    assert codes(team, {"a": Now()})["b"] == "offline"


def test_the_least_loaded_by_weight_is_first(team: Policy) -> None:
    """Open leads count by weight, then who has waited longest, then the id."""
    assert list(codes(team, everybody(team, a=Now(open=1), c=Now(open=1))))[:2] == ["a", "c"]
    old, new = MONDAY - timedelta(hours=2), MONDAY - timedelta(hours=1)
    waited = everybody(team, a=Now(last_assigned_at=new), c=Now(last_assigned_at=old))
    assert list(codes(team, waited))[:2] == ["c", "a"]
    assert list(codes(team, everybody(team)))[:2] == ["a", "c"]


def test_a_later_step_waits_for_this_one(team: Policy) -> None:
    """While somebody of the first step can take the lead, the second step's reps are told so."""
    assert codes(team, everybody(team))["b"] == "later_step"


def test_widening_holds_back_while_somebody_on_duty_could_become_free(team: Policy) -> None:
    """A full first step is waited for until the lead is old enough; an empty one is passed at once."""
    full = everybody(team, a=Now(open=3), c=Now(open=3))
    assert codes(team, full, age=89)["b"] == "later_step"
    assert codes(team, full, age=90)["b"] == "eligible"
    gone = everybody(team, a=Now(status="offline"), c=Now(status="away"))
    assert codes(team, gone)["b"] == "eligible"


def test_widening_does_not_wait_for_who_is_at_the_daily_limit(team: Policy) -> None:
    """Nobody of the first step could become free today: the second one's reps may have the lead at once."""
    limited = replace(team, limits=replace(team.limits, daily_per_rep=2))
    spent = everybody(team, a=Now(assigned_today=2), c=Now(assigned_today=2))
    assert codes(limited, spent)["b"] == "eligible"
    full = everybody(team, a=Now(assigned_today=2), c=Now(open=3))
    assert codes(limited, full)["b"] == "later_step"


def test_owners_come_first_even_from_outside_the_step(team: Policy) -> None:
    """Who had the person before is offered the lead first, then who had the company, unless they are full."""
    assert list(codes(team, everybody(team), owners=["b", "c"]).items())[:3] == [
        ("b", "eligible"),
        ("c", "eligible"),
        ("a", "eligible"),
    ]
    assert codes(team, everybody(team, b=Now(open=3)), owners=["b"])["b"] == "at_capacity"


def test_a_daily_limit_does_not_part_an_owner_from_their_lead(team: Policy) -> None:
    """Others have had enough for today; the owner comes first all the same."""
    limited = replace(team, limits=replace(team.limits, daily_per_rep=2))
    full = everybody(team, b=Now(assigned_today=2), a=Now(assigned_today=2))
    found = codes(limited, full, owners=["b"])
    assert next(iter(found)) == "b"
    assert (found["b"], found["a"]) == ("eligible", "daily_limit")


def test_a_presence_that_ran_out_is_offline(team: Policy) -> None:
    """Its ttl runs from its own time; a heartbeat renews it."""
    at = to_millis(MONDAY)
    old = [Attend("a", "available", at - 90_000, 60_000), Attend("c", "available", at - 90_000, 60_000)]
    renewed = Attend("c", "available", at - 40_000, 60_000, heartbeat=True)
    found = candidates(team.routes[0], EN, MONDAY, team, Team([*old, renewed], {}), MONDAY)
    told = {one.rep_id: one.code for one in found}
    assert (told["a"], told["c"]) == ("offline", "eligible")


def test_members_whom_the_match_leaves_out_are_told(tmp_path: Path) -> None:
    """A rep of the pool who does not speak the lead's language is `no_match`, where no other step has them."""
    text = change("      - {pool: bens}\n", "")
    policy = load(tmp_path, text).policy
    found = candidates(policy.routes[0], NO, MONDAY, policy, team_of(everybody(policy), MONDAY), MONDAY)
    assert [(one.rep_id, one.code) for one in found] == [("ana", "eligible"), ("ben", "no_match")]
