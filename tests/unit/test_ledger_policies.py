"""One policy is in force: what was worked out under another one changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from router.domain.ledger.verbs import Audience, Install, Step
from tests.unit.ledger_story import Engine, Story, kinds, seat

ALL = Audience("all", "all", "in_order", ("ana", "ben"))
NARROW = Audience("narrow", "all", "in_order", ("ana",), "rep.id == lead.owner", '{"lead.owner":"ana"}')
TO_NARROW = (Step("narrow", "all"),)


def policy(version: str, *audiences: Audience, **more: Any) -> Install:  # noqa: ANN401 - whatever a policy has
    """Return a policy of ana and ben, with room for one lead each."""
    values: dict[str, Any] = {
        "version": version, "seats": (seat("ana", capacity=1), seat("ben", 1, capacity=1)),
        "pools": {"all": ("ana", "ben")}, "calendars": {}, "max_attempts": 5, "misses_before_away": 2,
        "daily_per_rep": None, "retry_after": 30_000, "max_age": 86_400_000, "audiences": audiences,
    }  # fmt: skip
    return Install(**{**values, **more})


def opened(engine: Engine) -> Story:
    """Return a floor where both are available, under the policy v2."""
    story = Story(engine, seat("ana", capacity=1), seat("ben", 1, capacity=1))
    assert story.do(policy("v2", ALL)).code == "done"
    story.come("ana", "ben")
    return story


def test_an_audience_of_another_policy_is_refused(engine: Engine) -> None:
    """A worker that has not heard of the policy yet would bring back the members of the one before."""
    story = opened(engine)
    assert story.do(replace(ALL, members=("ben",), version="v1")).code == "stale_policy"
    story.place("L1")
    assert story.holder("L1") == "ana"
    assert story.do(replace(ALL, members=("ben",), version="v2")).code == "done"
    story.place("L2")
    assert story.holder("L2") == "ben"


def test_a_lead_for_an_audience_that_was_refused_changes_nothing(engine: Engine) -> None:
    """Its worker is told, works the audience out again, and the same placement is then taken as it is."""
    story = opened(engine)
    assert story.do(replace(NARROW, version="v1")).code == "stale_policy"
    verb = story.submission("L1", steps=TO_NARROW, policy_version="v1")
    assert story.do(verb).code == "unknown_audience"
    assert story.do(replace(NARROW, version="v2")).code == "done"
    answer = story.do(verb)
    assert (answer.code, kinds(answer.facts)) == ("done", ["decided", "assigned", "assigned"])
    assert story.lead("L1").policy == "v1"


def test_a_policy_that_does_not_tell_of_all_audiences_is_refused(engine: Engine) -> None:
    """One that became known since they were read would keep its old members for good."""
    story = opened(engine)
    story.do(replace(NARROW, version="v2"))
    refused = policy("v3", ALL, seats=(seat("ben"),))
    assert story.do(refused).code == "missing_audiences"
    assert engine.model.version == "v2"
    story.place("L1")
    assert story.holder("L1") == "ana"
    assert story.do(replace(refused, audiences=(ALL, replace(NARROW, members=())))).code == "done"
    assert story.holder("L1") == "ben"


def test_calendars_go_on_only_under_the_policy_they_are_of(engine: Engine) -> None:
    """A worker that has not heard of the policy in force must not bring back the one before by its hourly round."""
    story = opened(engine)
    assert story.do(policy("v1", ALL, renew=True, seats=(seat("ben"),))).code == "stale_policy"
    assert engine.model.reps["ana"].active
    assert story.do(policy("v2", ALL, renew=True)).code == "done"


def test_the_last_install_wins(engine: Engine) -> None:
    """Two workers with different files: whoever came last, and an older version may come again."""
    story = opened(engine)
    for version in ("v3", "v2", "v3", "v1"):
        assert story.do(policy(version, ALL)).code == "done"
        assert engine.model.version == version


def test_a_waiting_lead_goes_to_who_comes_into_its_audience(engine: Engine) -> None:
    """Members of a policy are looked at as a whole: one goes, another comes, and the lead need not wait."""
    story = opened(engine)
    story.do(replace(NARROW, version="v2"))
    story.place("L1", steps=TO_NARROW)
    story.place("L2", steps=TO_NARROW)
    assert story.holders("L1", "L2") == ["ana", None]
    facts = story.do(policy("v3", ALL, replace(NARROW, members=("ben",)))).facts
    assert kinds(facts) == ["assigned", "assigned"]
    assert story.holders("L1", "L2") == ["ana", "ben"]


def test_a_step_that_lost_its_last_rep_opens_the_next_for_who_waits(engine: Engine) -> None:
    """Nobody who waits is found through a rep who changed: the lane is looked at for its audience's sake."""
    story = opened(engine)
    story.do(replace(NARROW, version="v2"))
    steps = (Step("narrow", "all", widen_after=600_000), Step("all", "all"))
    story.place("L1", steps=TO_NARROW)
    story.place("L2", steps=steps)
    assert story.holders("L1", "L2") == ["ana", None]
    story.do(policy("v3", ALL, replace(NARROW, members=())))
    assert story.holders("L1", "L2") == ["ana", "ben"]
