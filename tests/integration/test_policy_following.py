"""Two workers on one ledger in a real Valkey: one puts a policy in force, the other follows, and neither goes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from redis.asyncio import Redis

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Attend, Audience, Place, Step
from router.domain.policy import Policy
from router.domain.routing import audiences
from router.pipeline.following import Following
from router.pipeline.verbs import audience
from router.pipeline.work import InForce
from router.policy.load import load_policy, restore
from router.policy.version import canonical
from router.ports import Applied
from tests.fakes import ManualClock, MemoryPublisher
from tests.unit.policy_text import MINIMAL, change, write

LARGER = change("capacity: 1, weight: 2", "capacity: 2, weight: 2")
ONLY_BEN = change("members: 'true'", "members: 'rep.id == \"ben\"'")
ALWAYS = change("calendar: office, manager", "manager")
COMPANIES = "domain,name,employees\nacme.example,Acme,1200\n"


@dataclass
class Worker:
    """As much of a worker as keeps to a policy."""

    ledger: RedisLedger
    in_force: InForce
    following: Following
    log: MemoryPublisher


class Floor:
    """One ledger and the workers on it."""

    def __init__(self, client: Redis, workspace: str, folder: Path) -> None:
        self.client = client
        self._workspace = workspace
        self._folder = folder

    def policy(self, text: str, **files: str) -> Policy:
        """Return a policy as it is read from files."""
        return load_policy(write(self._folder / "config", text, **files)).policy

    def worker(self, policy: Policy) -> Worker:
        """Return one that has read *policy* at its start, and has not installed it."""
        ledger, in_force, log = RedisLedger(self.client, self._workspace), InForce(policy), MemoryPublisher()
        following = Following(in_force, ledger, restore, publisher=log, clock=ManualClock(), workspace=self._workspace)
        return Worker(ledger, in_force, following, log)


@pytest.fixture
async def floor(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Floor]:
    """Give an empty ledger that has begun."""
    async with connect(valkey) as client:
        floor = Floor(client, prefix, tmp_path)
        await RedisLedger(client, prefix).begin("test")
        yield floor


def hot(policy: Policy, language: str) -> tuple[Audience, ...]:
    """Return what makes the audiences of the route for sales known, as a worker under *policy* would tell them."""
    found = audiences(policy.routes[0], policy, {"lead": {"language": language}})
    return tuple(audience(one, policy.version) for one in found)


def codes(applied: Sequence[Applied]) -> list[str]:
    """Return what each verb came to."""
    return [one.code for one in applied]


async def members(floor: Floor, worker: Worker, audience_id: str) -> set[str]:
    """Return who is in an audience, as the ledger has it."""
    kept: Any = floor.client.smembers(f"{worker.ledger.prefix}in:{audience_id}")
    return {name.decode() for name in await kept}


async def test_a_policy_is_kept_by_version_and_followed(floor: Floor) -> None:
    """The other worker takes over text and version as they are, and what it knew of audiences goes."""
    old, new = floor.policy(MINIMAL), floor.policy(LARGER)
    first, second = floor.worker(old), floor.worker(old)
    await first.following.install(old)
    second.in_force.known_audiences.add("x")
    await first.following.install(new)
    assert await first.ledger.version() == new.version
    newest = await second.following.follow()
    for found in (newest, second.in_force):
        assert (found.version, found.policy.version, found.known_audiences) == (new.version, new.version, set())
    assert second.in_force.policy.reps["ben"].capacity == 2
    for policy in (old, new):
        text = await first.ledger.policy(policy.version)
        assert text == canonical(policy)
        assert restore(text).version == policy.version


async def test_to_follow_what_is_in_force_already_changes_nothing(floor: Floor) -> None:
    """It is asked five times a second."""
    worker = floor.worker(floor.policy(MINIMAL))
    await worker.following.install(worker.in_force.policy)
    before = worker.in_force.policy
    worker.in_force.known_audiences.add("x")
    await worker.following.follow()
    assert worker.in_force.policy is before
    assert worker.in_force.known_audiences == {"x"}


async def test_two_workers_with_different_files_do_not_answer_each_other(floor: Floor) -> None:
    """Both install at once; the last one wins, both follow it, and their hourly rounds do not bring the other back."""
    one, other = floor.policy(MINIMAL), floor.policy(LARGER)
    workers = [floor.worker(one), floor.worker(other)]
    await asyncio.gather(*(worker.following.install(worker.in_force.policy) for worker in workers))
    won = await workers[0].ledger.version()
    for _ in range(3):
        for worker in workers:
            await worker.following.renew()
            await worker.following.follow()
            assert worker.in_force.version == won
    assert await workers[0].ledger.version() == won


async def test_the_hourly_round_of_a_worker_that_did_not_hear_yet_follows(floor: Floor) -> None:
    """It finds another policy in force, and takes that over instead of bringing its own back."""
    old, new = floor.policy(MINIMAL), floor.policy(LARGER)
    first, second = floor.worker(old), floor.worker(old)
    await second.following.install(old)
    await first.following.install(new)
    await second.following.renew()
    assert await second.ledger.version() == new.version == second.in_force.version


async def test_an_audience_told_late_does_not_keep_members_of_the_policy_before(floor: Floor) -> None:
    """A worker that did not hear yet tells who was in it; the ledger refuses that and keeps who is in it now."""
    old, new = floor.policy(MINIMAL), floor.policy(ONLY_BEN)
    first, second = floor.worker(old), floor.worker(old)
    await first.following.install(old)
    told, _ = hot(old, "en")
    await second.ledger.apply([told])
    await first.following.install(new)
    assert codes(await second.ledger.apply([told])) == ["stale_policy"]
    assert await members(floor, first, told.id) == {"ben"}


async def test_an_audience_that_becomes_known_during_an_install_is_told_of(floor: Floor) -> None:
    """It came between reading the audiences and putting the policy in force: the install reads them again."""
    old, new = floor.policy(MINIMAL), floor.policy(change("languages: [en]}", "languages: [fr]}"))
    first, second = floor.worker(old), floor.worker(old)
    await first.following.install(old)
    told, _ = hot(old, "en")
    read = first.ledger.audiences
    reads: list[int] = []

    async def read_and_be_overtaken() -> Any:  # noqa: ANN401 - whatever is read
        known = await read()
        if not reads:
            assert codes(await second.ledger.apply([told])) == ["done"]
        reads.append(len(known))
        return known

    first.ledger.audiences = read_and_be_overtaken  # type: ignore[method-assign]  # the moment in which it happens
    assert told.members == ("ana", "ben")
    await first.following.install(new)
    assert reads == [0, 1]
    assert await first.ledger.version() == new.version
    assert await members(floor, first, told.id) == {"ana"}


async def test_a_removed_rep_gives_back_and_it_is_published(floor: Floor) -> None:
    """What an install brings about is published by the worker that installed."""
    old = floor.policy(ALWAYS)
    worker = floor.worker(old)
    await worker.following.install(old)
    told, *_ = hot(old, "no")
    now = int(time.time() * 1000)
    steps = (Step(told.id, "all", accept_within=60_000),)
    lead = Place("s1", "L1", "sales", "iql", now, now, now, old.version, "{}", "{}", route="hot", steps=steps)
    applied = await worker.ledger.apply([Attend("ana", "available", now, 0), told, lead])
    assert [fact["t"] for fact in orjson.loads(applied[2].facts)] == ["decided", "assigned", "notify"]
    await worker.ledger.published(applied[2:])
    gone = floor.policy(change("id: ana, name: Ana", "id: bea, name: Bea", ALWAYS))
    await worker.following.install(gone)
    assert worker.log.types("lead-assignments") == ["lead.unassigned.v1", "lead.queued.v1"]
    assert worker.log.on("lead-assignments")[0]["reason"] == "rep_unavailable"
    assert await floor.client.xlen(worker.ledger.prefix + "out") == 0


async def test_the_dataset_comes_along(floor: Floor) -> None:
    """A worker whose own files have no such companies looks up in those of the policy in force."""
    text = MINIMAL + "enrichment: {budget: 100ms, dataset: companies.csv}\n"
    old, new = floor.policy(MINIMAL), floor.policy(text, companies_csv=COMPANIES)
    first, second = floor.worker(new), floor.worker(old)
    await first.following.install(new)
    await second.following.follow()
    enrichment = second.in_force.policy.enrichment
    assert enrichment is not None
    assert enrichment.dataset == {"acme.example": {"name": "Acme", "employees": 1200}}
    assert second.in_force.policy.version == new.version


async def test_a_policy_of_another_release_is_followed_under_its_own_name(floor: Floor) -> None:
    """Its bundled lists are others: what is decided here names the version by which it can be decided again."""
    policy = floor.policy(MINIMAL)
    worker = floor.worker(floor.policy(LARGER))
    content = json.loads(canonical(policy))
    content["bundled"]["titles"] = "another"
    await worker.following.install(worker.in_force.policy)
    await worker.ledger.keep_policy("f" * 16, json.dumps(content))
    await floor.client.hset(worker.ledger.prefix + "meta", "version", "f" * 16)
    await worker.following.follow()
    assert (worker.in_force.version, worker.in_force.policy.version) == ("f" * 16, policy.version)
    assert await worker.ledger.policy(policy.version) == canonical(policy)
    told = hot(policy, "en")[0]
    assert codes(await worker.ledger.apply([replace(told, version=worker.in_force.version)])) == ["done"]
    await worker.following.renew()
    assert await worker.ledger.version() == "f" * 16


@pytest.mark.parametrize("text", [None, '{"forms": {}, "novelty": 1}'])
async def test_a_policy_that_this_release_cannot_read_is_refused_once(floor: Floor, text: str | None) -> None:
    """The worker stays with what it has and says so, not five times a second."""
    worker = floor.worker(floor.policy(MINIMAL))
    await worker.following.install(worker.in_force.policy)
    before = worker.in_force.version
    if text is not None:
        await worker.ledger.keep_policy("v-new", text)
    await floor.client.hset(worker.ledger.prefix + "meta", "version", "v-new")
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            await worker.following.follow()
    assert [(line["event"], line["version"], line["kept"]) for line in lines] == [("policy.refused", "v-new", before)]
    assert worker.in_force.version == before
