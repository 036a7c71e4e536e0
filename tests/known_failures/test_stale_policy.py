"""A worker that has not yet heard of the policy in force brings an old picture of who is in which pool."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from router.domain.ledger.verbs import Audience
from router.pipeline.install import install
from router.pipeline.work import InForce
from tests.unit.ledger_story import Engine, Story, everybody
from tests.unit.pipeline_floor import SIMPLE, Floor
from tests.unit.policy_text import change, load


def test_a_pool_of_an_older_policy_is_not_saved(engine: Engine) -> None:
    """Who is in a pool is worked out under one policy; where another is in force it is refused (chatwoot 15524)."""
    story = Story(engine, "ana", "ben", pools=everybody("in_order", "ben"))
    story.come("ana", "ben")
    late = Audience("all", "all", "in_order", ("ana",), version="v0")
    assert story.do(late).code == "stale_policy"
    story.place("L1")
    assert story.holder("L1") == "ben"
    assert story.do(replace(late, version="v1")).code == "done"
    story.place("L2")
    assert story.holder("L2") == "ana"


@pytest.mark.parametrize("known", [False, True], ids=["an audience nobody knew", "an audience in force"])
async def test_an_old_picture_of_a_pool_replaces_no_newer_one(tmp_path: Path, known: bool) -> None:
    """Pools are always those in force: a lead decided under the old policy goes by the new pool (chatwoot 15524)."""
    old = load(tmp_path / "old", SIMPLE).policy
    new = load(tmp_path / "new", change("members: 'true'", "members: 'rep.id == \"ben\"'", SIMPLE)).policy
    behind = await Floor(old, "ana", "ben").open()

    async def follow() -> InForce:
        behind.in_force.put(new, new.version)
        return behind.in_force.at_this_moment()

    behind.in_force.follow = follow
    await behind.ledger.apply([install(new, (), behind.clock.now())])  # by another worker
    if known:
        ahead = Floor(new)
        ahead.ports |= {"ledger": behind.ledger, "publisher": behind.log, "clock": behind.clock}
        await ahead.send("form-submissions", ahead.submission(1))
        await ahead.send("rep-actions", ahead.action(1, behind.lead(1), "ben", "touch"))
    await behind.send("form-submissions", behind.submission(2))
    assert behind.ledger.state.leads[behind.lead(2)].rep == "ben"
    [row] = [row for row in behind.decisions() if row["submission_id"] == "s2"]
    assert row["policy_version"] == old.version
