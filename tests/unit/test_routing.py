"""Audiences: leads alike share them, and they outlive a policy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from router.domain.routing import Audience, again, audiences
from tests.unit.policy_text import change, load

EN = {"lead": {"language": "en", "email": "x@y.example"}}
NO = {"lead": {"language": "no"}}


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
