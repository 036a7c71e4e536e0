"""A lead's story from a real log and a real ledger: what is read, what is left out, what is told where they differ."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from redis.asyncio import Redis

from router.adapters.embedded.streams import StreamPublisher
from router.adapters.redis.connection import connect
from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.ledger import RedisLedger
from router.domain.lead_story.shape import LeadStory, Standing
from router.domain.ledger.facts import Answer
from router.domain.ledger.verbs import Verb
from router.entrypoints.explain import CLOCKS_DIFFER, told
from router.errors import DependencyDown
from router.pipeline.render import render
from router.ports import Applied, Outgoing
from tests.logs import EmbeddedLog
from tests.unit.lead_story_telling import BEGINNING, Telling
from tests.unit.ledger_story import ModelAlone

UNSEEN = "ld_" + "0" * 32


class Recording(ModelAlone):
    """The model, which remembers what it was asked and when."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Verb, int]] = []

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply and remember *verb*."""
        self.asked.append((verb, now))
        return super().apply(verb, now)


@dataclass
class Place:
    """A ledger and a log of one workspace. What is published is written at `written_at`."""

    client: Redis
    url: str
    workspace: str
    written_at: datetime = BEGINNING

    async def play(self, recorded: Recording, *, unpublished: int = 0) -> None:
        """Give the ledger all that was recorded, and the log what follows but for the last *unpublished* answers."""
        ledger = RedisLedger(self.client, self.workspace)
        await ledger.begin("test")
        applied: list[Applied] = []
        for verb, now in recorded.asked:
            applied += await ledger.apply([verb], now)
        assert {one.code for one in applied} <= {"done", "more"}
        for one in applied[: len(applied) - unpublished]:
            await self.publish(render(one, self.workspace))

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Write *records*."""
        publisher = StreamPublisher(self.url, self.workspace, lambda: self.written_at)
        await publisher.publish(records)
        await publisher.aclose()

    async def standing(self, lead: str = "L1") -> Standing | None:
        """Return how the ledger has *lead*."""
        return await RedisLeads(self.client, self.workspace).of(lead)

    async def told(self, lead: str = "L1") -> LeadStory | None:
        """Return the story of *lead*."""
        tail = EmbeddedLog(self.url, self.workspace).tail()
        leads = RedisLeads(self.client, self.workspace)
        story = await told(tail, leads, lead, BEGINNING + timedelta(hours=2), workspace=self.workspace)
        await tail.aclose()
        return story

    async def story(self, lead: str = "L1") -> LeadStory:
        """Return the story of *lead*, which there is."""
        story = await self.told(lead)
        assert story is not None
        return story


@pytest.fixture
async def place(valkey: str, prefix: str) -> AsyncIterator[Place]:
    """Give a ledger and a log of their own."""
    async with connect(valkey) as client:
        yield Place(client, valkey, prefix)


@pytest.fixture
def telling() -> Telling:
    """Let ana decline a lead, and ben accept it; another lead goes its own way."""
    telling = Telling("ana", "ben", engine=Recording())
    telling.come("ana", "ben")
    telling.send()
    telling.send("L2")
    telling.wait(5)
    telling.act("decline", "L1", "ana")
    telling.wait(7)
    telling.act("accept", "L1", "ben")
    return telling


def asked(telling: Telling) -> Recording:
    """Return what the ledger of *telling* was asked."""
    assert isinstance(telling.engine, Recording)
    return telling.engine


def lead_key(place: Place, lead: str = "L1") -> str:
    """Return where the ledger keeps *lead*."""
    return f"{{{place.workspace}}}:lead:{lead}"


async def test_the_ledger_tells_how_a_lead_stands(place: Place, telling: Telling) -> None:
    """State, attempt, rep and first sight are read from the ledger, for a lead it knows."""
    await place.play(asked(telling))

    first = datetime.fromtimestamp(telling.lead().first / 1000, UTC)
    due = first + timedelta(minutes=5)
    assert await place.standing() == Standing("accepted", 2, "ben", touch_by=due, parked=False, first=first)
    assert await place.standing("nobody") is None


async def test_a_lead_that_is_parked(place: Place) -> None:
    """That all attempts were used up is read too."""
    telling = Telling("ana", engine=Recording(), max_attempts=1)
    telling.come("ana")
    telling.send()
    telling.act("decline", "L1", "ana")
    await place.play(asked(telling))

    standing = await place.standing()
    assert standing is not None
    assert (standing.state, standing.rep_id, standing.parked) == ("waiting", None, True)


async def test_the_story_from_the_log_is_that_of_the_ledger(place: Place, telling: Telling) -> None:
    """What was published gives the same story as the model's own events, and nothing of another lead."""
    await place.play(asked(telling))
    story, expected = await place.story(), telling.told()

    assert (story.attempts, story.clocks, story.decisions) == (expected.attempts, expected.clocks, expected.decisions)
    assert [one.kind for one in story.notifications] == ["assigned", "assigned"]
    assert story.now.agrees
    assert story.notes == ()


async def test_what_is_not_published_yet_is_told(place: Place, telling: Telling) -> None:
    """While the outbox holds what the ledger did last, the story says that the log is behind."""
    await place.play(asked(telling), unpublished=1)
    story = await place.story()

    assert (story.now.state, story.now.agrees) == ("held", False)
    assert story.now.ledger is not None
    assert story.now.ledger.state == "accepted"
    assert "behind the ledger" in story.notes[0]


async def test_the_log_is_read_from_the_ledgers_first_sight(place: Place, telling: Telling) -> None:
    """What was written long before the ledger saw the lead is not read; without that instant all of it is."""
    place.written_at = BEGINNING - CLOCKS_DIFFER - timedelta(minutes=5)
    old = [record for record in await _rendered(place, telling) if record.topic == "lead-decisions"][:1]
    renamed = Outgoing(old[0].topic, old[0].key, old[0].value, {**old[0].headers, "ce_id": b"from-long-ago"})
    await place.publish([renamed])
    place.written_at = BEGINNING
    await place.play(asked(telling))
    assert len((await place.story()).decisions) == 1

    kept = orjson.loads(await place.client.get(lead_key(place)) or b"")
    del kept["first"]
    await place.client.set(lead_key(place), orjson.dumps(kept))
    assert len((await place.story()).decisions) == 2


async def _rendered(place: Place, telling: Telling) -> list[Outgoing]:
    model = ModelAlone()
    answers = [model.apply(verb, now) for verb, now in asked(telling).asked]
    return [
        record
        for answer in answers
        for record in render(
            Applied(answer.code, orjson.dumps(answer.facts), answer.decision.encode()), place.workspace
        )
    ]


async def test_strange_records_do_not_spoil_it(place: Place, telling: Telling) -> None:
    """What a newer router or another workspace wrote is not taken for this lead's; what cannot be read is counted."""
    await place.play(asked(telling))
    [decision, *_] = [record for record in await _rendered(place, telling) if record.topic == "lead-decisions"]
    ours = decision.headers
    foreign = {**ours, "ce_source": b"/router/another", "ce_id": b"foreign"}
    newer = {**ours, "ce_type": b"lead.pondered.v7", "ce_id": b"newer"}
    await place.publish(
        [
            Outgoing("lead-decisions", b"L1", decision.value, foreign),
            Outgoing("lead-decisions", b"L1", decision.value, newer),
            Outgoing("lead-assignments", b"L1", b"no json", {**ours, "ce_type": b"lead.queued.v1"}),
            Outgoing("sla-events", b"L1", None, ours),
        ]
    )
    story = await place.story()

    assert len(story.decisions) == 1
    assert story.notes == ("3 records of this lead could not be read: a newer router may have written them.",)


async def test_a_lead_that_nobody_knows(place: Place, telling: Telling) -> None:
    """Where neither ledger nor log has the lead there is no story."""
    await place.play(asked(telling))

    assert await place.told(UNSEEN) is None
    assert await place.told("jane@acme.example") is None


async def test_a_lead_that_the_ledger_forgot(place: Place, telling: Telling) -> None:
    """What only the log has is told all the same."""
    await place.play(asked(telling))
    records = [record for record in await _rendered(place, telling) if record.topic == "lead-decisions"]
    value = {**orjson.loads(records[0].value or b""), "lead_id": UNSEEN}
    headers = {**records[0].headers, "ce_id": b"forgotten"}
    await place.publish([Outgoing("lead-decisions", UNSEEN.encode(), orjson.dumps(value), headers)])
    story = await place.story(UNSEEN)

    assert len(story.decisions) == 1
    assert "does not know this lead" in story.notes[0]


async def test_a_ledger_that_is_away(unused_tcp_port: int) -> None:
    """A Redis that does not answer is a dependency that is down, not a lead that is unknown."""
    async with connect(f"redis://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(DependencyDown):
            await RedisLeads(client, "default").of("L1")
