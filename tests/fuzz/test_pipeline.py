"""Through the whole pipeline: each record has one end, and nothing in it is ever the router's fault."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.adapters.redis.items import arguments
from router.domain.ledger.verbs import Act, Attend, Close, Erase, Place, Step, Verb
from router.domain.policy import Policy
from router.errors import InvalidEvent
from router.events.envelope import decode
from router.events.submission import FormSubmitted
from router.policy import load_policy
from router.ports import Applied, Received
from tests.fakes import ManualClock, MemoryLedger
from tests.fuzz import targets
from tests.fuzz.drawing import ODD_TEXTS, records
from tests.model.engines import load
from tests.model.world import START, policy
from tests.unit.pipeline_floor import Floor

SHIPPED = Path(__file__).resolve().parents[2] / "config"


@pytest.fixture(autouse=True)
def _quiet() -> None:
    targets.quiet()


@cache
def shipped() -> Policy:
    """Return the shipped policy."""
    return load_policy(SHIPPED).policy


class Told(MemoryLedger):
    """A ledger that remembers what it was asked and what it answered."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.answers: list[tuple[Verb, str]] = []

    async def apply(self, verbs: Sequence[Verb], now: int | None = None) -> Sequence[Applied]:
        """Apply and remember."""
        answers = await super().apply(verbs, now)
        self.answers += [(verb, one.code) for verb, one in zip(verbs, answers, strict=True)]
        return answers


async def run(batches: Sequence[Received]) -> tuple[Floor, Told]:
    """Send all records through a router in memory, those of a topic in one batch."""
    floor = Floor(shipped(), *list(shipped().reps)[:3])
    floor.ledger = told = Told(floor.clock)
    floor.ports["ledger"] = told
    await floor.open()
    told.answers.clear()
    for topic in dict.fromkeys(one.topic for one in batches):
        await floor.send(topic, *(one for one in batches if one.topic == topic))
    return floor, told


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(records(), min_size=1, max_size=12))
def test_each_record_has_one_end(sent: list[Received]) -> None:
    """One dead letter, or its effect: never both, never none, never a fault of the router; what goes out is good."""
    floor, told = asyncio.run(run(sent))
    letters = Counter((letter["source_topic"], letter["source_offset"]) for letter in floor.log.on("dead-letters"))
    assert "processing_failed" not in {letter["code"] for letter in floor.log.on("dead-letters")}
    decided = Counter(str(row["submission_id"]) for row in floor.decisions())
    asked = Counter(_name(verb) for verb, code in told.answers if code in {"done", "repeat"})
    for one in sent:
        refused = letters[f"test-{one.topic}", one.offset]
        assert refused == (0 if _has_effect(one, decided, asked, floor) else 1), one
    floor.check()


def _has_effect(one: Received, decided: Counter[str], asked: Counter[str], floor: Floor) -> bool:
    try:
        data: Any = decode(one).data
    except InvalidEvent:
        return False
    if isinstance(data, FormSubmitted):
        assert decided[data.submission_id] <= 1
        return bool(decided[data.submission_id])
    if one.topic == "lead-activities":
        return any(data.activity_id in known for known in floor.activities.known.values())
    if one.topic == "rep-presence":
        return bool(asked[f"attend {data.rep_id}"])
    return bool(asked[f"act {data.action_id}"] if one.topic == "rep-actions" else asked[f"close {data.outcome_id}"])


def _name(verb: Verb) -> str:
    if isinstance(verb, Attend):
        return f"attend {verb.rep_id}"
    if isinstance(verb, Act):
        return f"act {verb.action_id}"
    return f"close {verb.outcome_id}" if isinstance(verb, Close) else type(verb).__name__


ids = (st.sampled_from(ODD_TEXTS) | st.text(max_size=128)).filter(
    lambda text: 0 < len(text) <= 128 and "\0" not in text
)
ids = ids.filter(lambda text: not text.isspace() and text.encode("utf-8", "replace").decode() == text)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(ids, min_size=3, max_size=3), at=st.integers(-(2**53), 2**53), held=st.booleans())
def test_ids_of_any_text_are_only_ids(valkey: str, names: list[str], at: int, *, held: bool) -> None:
    """Both engines answer alike, and nothing is written but under the workspace's own names."""
    lead, submission, other = names
    workspace = f"fuzz-{uuid.uuid4().hex}"
    steps = (Step("a-outer", "outer", 10_000),)
    placed = Place(
        submission, lead, "sales", "iql", START, START, START, "v", "{}", "{}", "hot", steps=steps, company=other
    )
    verbs: list[Verb] = [
        policy("v", START, (2,) * 4, (1,) * 4, gone=None, inactive=None, daily=None, offices=()),
        Attend("dee", "available", START, 0),
        *([placed] if held else []),
        Act(submission, lead, other, "accept", at), Act(other, lead, "dee", "accept", START),
        Close(lead, other, "won", at), Close(submission, lead, "lost", START), Attend(other, "busy", at, 0),
        placed, Erase(other), Erase(lead),
    ]  # fmt: skip
    memory = MemoryLedger(ManualClock())
    expected = asyncio.run(memory.apply(verbs, START + 1))
    with redis.Redis.from_url(valkey) as client:
        client.set(f"{{{workspace}}}:epoch", "e")
        items = [argument for verb in verbs for argument in arguments(verb)]
        rows: Any = client.fcall(load(client), 1, f"{{{workspace}}}:", str(START + 1), "p", "", "0", *items)
        kept = client.keys(f"*{workspace}*")
        client.delete(*kept)
    answers = [(row[0].decode(), orjson.loads(row[1])) for row in rows]
    assert answers == [(one.code, orjson.loads(one.facts)) for one in expected]
    assert all(name.startswith(f"{{{workspace}}}:".encode()) for name in kept)
