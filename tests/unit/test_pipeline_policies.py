"""A policy comes in force while the pipeline is at work: no batch mixes two, and what was decided stays decided."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from router.domain.policy import Policy
from router.pipeline.install import install
from router.pipeline.one_policy import OnePolicy
from router.pipeline.work import InForce
from tests.unit.pipeline_floor import SIMPLE, Floor
from tests.unit.policy_text import change, load

OTHER_ROUTE = change("name: hot\n", "name: warm\n", SIMPLE)
ONLY_BEN = change("members: 'true'", "members: 'rep.id == \"ben\"'", SIMPLE)
LOST = ("unassigned", "queued")
OTHER_POINTS = change("webinar: 30", "webinar: 90", OTHER_ROUTE)


@pytest.fixture
def old(tmp_path: Path) -> Policy:
    """Give the policy that everything begins with."""
    return load(tmp_path / "old", SIMPLE).policy


class Followed(Floor):
    """A floor whose worker follows: `others` are the policies that other workers may put in force."""

    def __init__(self, policy: Policy, *available: str) -> None:
        super().__init__(policy, *available)
        self.others: dict[str, Policy] = {}
        self.in_force.follow = self.follow

    async def follow(self) -> InForce:
        """Take over what is in force in the ledger."""
        version = self.ledger.state.version
        if self.in_force.version != version:
            self.in_force.put(self.others[version], version)
        return self.in_force.at_this_moment()

    async def put(self, policy: Policy) -> None:
        """Let another worker put *policy* in force."""
        self.others[policy.version] = policy
        await self.ledger.apply([install(policy, (), self.clock.now())])


@pytest.fixture
async def floor(old: Policy) -> Followed:
    """Give a floor with ana and ben available."""
    floor = Followed(old, "ana", "ben")
    await floor.open()
    return floor


async def test_a_lead_decided_under_the_policy_before_is_placed_by_the_reps_of_the_one_in_force(
    floor: Followed, tmp_path: Path
) -> None:
    """The ledger refuses the audience; the worker follows, works it out again, and route and version stay."""
    new = load(tmp_path / "new", change("name: hot\n", "name: warm\n", ONLY_BEN)).policy
    before = floor.in_force.version
    await floor.put(new)
    await floor.send("form-submissions", floor.submission(1), floor.submission(2, form="ebook"))
    decided = floor.decisions()[0]
    assert (decided["route"], decided["policy_version"]) == ("hot", before)
    [assigned] = [row for row in floor.log.on("lead-assignments") if row["rep_id"]]
    assert (assigned["rep_id"], assigned["route"], assigned["policy_version"]) == ("ben", "hot", before)
    assert floor.in_force.version == new.version
    await floor.send("form-submissions", floor.submission(3))
    assert floor.decisions()[-1]["policy_version"] == new.version
    assert floor.rejected() == []
    floor.check()


async def test_a_worker_that_cannot_read_the_policy_in_force_places_its_leads(floor: Followed, tmp_path: Path) -> None:
    """One of another release stays with the policy before; a lead for whom it tells an audience does not wait."""

    async def stays() -> InForce:
        return floor.in_force.at_this_moment()

    before, floor.in_force.follow = floor.in_force.version, stays
    await floor.put(load(tmp_path / "new", OTHER_ROUTE).policy)
    await floor.send("form-submissions", floor.submission(1), floor.submission(2))
    assert {row["policy_version"] for row in floor.decisions()} == {before}
    assert [row["route"] for row in floor.log.on("lead-assignments") if row["rep_id"]] == ["hot", "hot"]
    floor.check()


async def test_a_batch_is_decided_under_one_policy(floor: Followed, tmp_path: Path) -> None:
    """Points, rules and version are of the policy that was in force when the batch came."""
    new, before = load(tmp_path / "new", OTHER_POINTS).policy, floor.in_force.version
    await floor.send(
        "lead-activities",
        {"activity_id": "v1", "at": floor.presence("ana")["at"], "kind": "webinar", "email": "dana1@acme.example"},
    )
    known = floor.activities.of

    async def of_and_another_comes_in_force(whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        found = await known(whose)
        if floor.in_force.version == before:
            await floor.put(new)
            await floor.follow()
        return found

    floor.activities.of = of_and_another_comes_in_force  # type: ignore[method-assign]  # the moment in which it happens
    handlers = OnePolicy(floor.in_force, lambda pinned: {**floor.ports, "in_force": pinned}).handlers()
    for number in (1, 1, 2):
        await handlers["form-submissions"]([floor.record("form-submissions", floor.submission(number))])
    first, second = floor.decisions()
    assert (first["policy_version"], first["route"], first["engagement"]["score"]) == (before, "hot", 30)
    assert (second["policy_version"], second["route"]) == (new.version, "warm")


async def test_an_audience_is_not_known_under_the_next_policy(floor: Followed, tmp_path: Path) -> None:
    """What is known is known of one policy: after the next the ledger is told again."""
    await floor.send("form-submissions", floor.submission(1))
    assert floor.in_force.known_audiences
    pinned = floor.in_force.at_this_moment()
    floor.in_force.put(load(tmp_path / "new", OTHER_ROUTE).policy, "v2")
    assert floor.in_force.known_audiences == set()
    assert pinned.known_audiences


async def test_what_came_of_itself_with_an_audience_is_published(floor: Followed) -> None:
    """A presence ran out since the last tick: that comes with the first verb of the call, which no event asked for."""
    floor.clock.advance(seconds=1)
    await floor.send("rep-presence", floor.presence("ana", ttl_seconds=5), floor.presence("ben", "offline"))
    await floor.send("form-submissions", floor.submission(1))
    floor.in_force.put(floor.in_force.policy, floor.in_force.version)
    floor.clock.advance(seconds=6)
    await floor.send("form-submissions", floor.submission(2))
    assert floor.log.types("lead-assignments") == [f"lead.{what}.v1" for what in ("assigned", *LOST, "queued")]
    assert floor.ledger.outbox == {}
    floor.check()
