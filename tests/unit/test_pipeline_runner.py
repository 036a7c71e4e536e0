"""A batch comes to its end, whatever happens: a bad event, a bug, a server that is away, a process that is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from router.pipeline import WiringError, bind
from router.pipeline.runner import TRIES
from router.ports import Applied, Lookup, Outgoing
from tests.unit.pipeline_floor import COMPANIES, ENRICHED, SIMPLE, Floor
from tests.unit.policy_text import load


class Fragile:
    """Activities with a bug: fails whenever it is asked about one person, in whatever batch."""

    def __init__(self, floor: Floor, victim: str) -> None:
        self._floor, self._victim = floor, victim
        self.asked: list[int] = []

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        """Answer, or fail."""
        self.asked.append(len(whose))
        if any(one.endswith(self._victim) for one in whose):
            message = "a bug that quotes dana@acme.example"
            raise RuntimeError(message)
        return await self._floor.activities.of(whose)


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """Give what is logged, instead of printing it; after each test, no address of those who wrote stands there."""
    with structlog.testing.capture_logs() as lines:
        yield lines
    assert not [line for line in lines if "@" in str(line)]


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    """Give a floor with ana and ben available."""
    return await Floor(load(tmp_path, SIMPLE).policy, "ana", "ben").open()


async def test_a_bug_in_one_event_costs_that_event_alone(
    floor: Floor, logged: Sequence[MutableMapping[str, Any]]
) -> None:
    """After three tries by itself, each logged, it is a dead letter that names an error and nobody; others go on."""
    await floor.send("form-submissions", floor.submission(2, test=True))
    fragile = Fragile(floor, floor.lead(2))
    floor.ports["activities"] = fragile
    await floor.send("form-submissions", *(floor.submission(number) for number in range(1, 5)))
    assert sorted(row["submission_id"] for row in floor.decisions()) == ["s1", "s2", "s3", "s4"]
    assert [row["test"] for row in floor.decisions() if row["submission_id"] == "s2"] == [True]
    [letter] = floor.log.on("dead-letters")
    assert (letter["code"], letter["source_topic"]) == ("processing_failed", "test-form-submissions")
    assert "RuntimeError" in letter["detail"]
    assert "dana" not in letter["detail"]
    assert len([size for size in fragile.asked if size == 2]) == TRIES + 3  # a person and a company each
    assert [line["error"] for line in logged if line["event"] == "event.failed"] == ["RuntimeError"] * TRIES
    floor.check()


async def test_events_without_the_bug_are_decided_once(floor: Floor) -> None:
    """What a batch had done before it fell apart is not done again."""
    await floor.send("form-submissions", floor.submission(2, test=True))
    floor.ports["activities"] = Fragile(floor, floor.lead(2))
    await floor.send("form-submissions", floor.submission(1), floor.submission(2))
    await floor.tick(seconds=1)
    assigned = [row for row in floor.log.on("lead-assignments") if "candidates" in row]
    assert [row["submission_id"] for row in assigned] == ["s1"]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_ledger_that_is_away_is_waited_for(floor: Floor, times: int) -> None:
    """The batch is tried again until it is through, and nothing becomes a dead letter for it."""
    floor.ledger.outage.left = times
    await floor.send("form-submissions", *(floor.submission(number) for number in range(3)))
    assert len(floor.decisions()) == 3
    assert floor.rejected() == []
    assert floor.ledger.outbox == {}


async def test_a_lost_answer_is_told_by_the_sweep(floor: Floor) -> None:
    """The ledger applied it and the answer never came: what follows comes out of the outbox, once each."""
    floor.ledger.lost.left = 1
    await floor.send("form-submissions", *(floor.submission(number) for number in range(3)))
    await floor.sweep()
    assert sorted(row["submission_id"] for row in floor.decisions()) == ["s0", "s1", "s2"]
    assert floor.rejected() == []
    assert floor.ledger.outbox == {}
    floor.check()


@pytest.mark.parametrize("times", [1, 2])
async def test_a_log_that_is_away_loses_nothing(floor: Floor, times: int) -> None:
    """Applied, and not published: on the retry the ledger calls it a repeat, and the sweep tells it."""
    floor.log.outage.left = times
    await floor.send("form-submissions", floor.submission(1), floor.submission(2))
    await floor.send("form-submissions", floor.submission(3))
    await floor.sweep()
    assert sorted(row["submission_id"] for row in floor.decisions()) == ["s1", "s2", "s3"]
    assert (floor.rejected(), floor.ledger.outbox) == ([], {})


async def test_a_dead_letter_waits_for_the_log_as_well(floor: Floor) -> None:
    """It is the only trace of a bad event."""
    floor.log.outage.left = 2
    await floor.send("form-submissions", b"no json")
    assert [code for code, _ in floor.rejected()] == ["malformed_json"]


async def test_activities_that_are_away_are_waited_for(floor: Floor) -> None:
    """A decision is not made without the behaviour that it is to count."""
    floor.activities.outage.left = 1
    await floor.send("form-submissions", floor.submission(1))
    assert len(floor.decisions()) == 1


async def test_a_bug_inside_the_ledger_costs_one_event_and_tells_the_others(floor: Floor) -> None:
    """One verb of the batch fails there; the facts of the others are told, if only by the sweep."""
    floor.ledger.bug = lambda verb: getattr(verb, "submission_id", "") == "s2"
    await floor.send("form-submissions", *(floor.submission(number) for number in range(1, 4)))
    await floor.sweep()
    assert sorted(row["submission_id"] for row in floor.decisions()) == ["s1", "s3"]
    assert [code for code, _ in floor.rejected()] == ["processing_failed"]
    assert floor.ledger.outbox == {}


async def test_a_batch_that_is_stopped_while_it_publishes_leaves_all_to_the_sweep(floor: Floor) -> None:
    """A rebalance or the end of the process: what was applied is told all the same."""
    started = asyncio.Event()

    class Stuck:
        async def publish(self, _: Sequence[Outgoing]) -> None:
            started.set()
            await asyncio.Event().wait()

    floor.ports["publisher"] = Stuck()
    running = asyncio.create_task(floor.send("form-submissions", floor.submission(1)))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await floor.sweep()
    assert [row["submission_id"] for row in floor.decisions()] == ["s1"]
    assert floor.ledger.outbox == {}


async def test_a_fact_that_cannot_be_told_holds_up_nothing_else(floor: Floor) -> None:
    """A newer worker left a fact that this one does not know: it stays in the outbox for one who does."""
    floor.ledger.outbox[b"0"] = (-1, Applied("done", b'[{"t":"strange","at":1}]', entry=b"0"))
    floor.ledger.lost.left = 1
    await floor.send("form-submissions", floor.submission(1))
    await floor.sweep()
    assert [row["submission_id"] for row in floor.decisions()] == ["s1"]
    assert list(floor.ledger.outbox) == [b"0"]


async def test_an_enricher_that_hangs_is_cut_off_at_its_budget(tmp_path: Path) -> None:
    """What it had told by then counts; the rest goes ahead on what the form said, marked degraded."""

    class Hangs:
        async def lookup(self, _: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
            yield {"swift.example": Lookup({"employees": 900}, "swift")}
            await asyncio.Event().wait()

    floor = await Floor(load(tmp_path, ENRICHED, companies_csv=COMPANIES).policy, "ana").open()
    floor.ports["enricher"] = Hangs()
    before = asyncio.get_running_loop().time()
    await floor.send(
        "form-submissions",
        floor.submission(1),
        floor.submission(2, email="dana@gmail.com"),
        floor.submission(3, email="eli@swift.example"),
    )
    assert 0.09 < asyncio.get_running_loop().time() - before < 1
    found = {row["submission_id"]: row["enrichment"]["status"] for row in floor.decisions()}
    assert found == {"s1": "degraded", "s2": "skipped", "s3": "matched"}


def test_a_step_that_asks_for_what_nobody_gives_is_seen_at_the_start() -> None:
    """A wrong parameter name fails before the first lead."""

    async def step(works: Sequence[object], *, ledgre: object) -> None:
        """Do nothing with *works* and *ledgre*."""

    with pytest.raises(WiringError, match=r"step asks for unknown ports: .*ledgre"):
        bind(step, {"ledger": None})


async def test_an_outbox_entry_that_nobody_can_read_holds_up_none_behind_it(floor: Floor) -> None:
    """A newer release wrote it, perhaps: it stays for one that can read it, and the sweep goes past it."""
    floor.ledger.outbox[b"0"] = (-1, Applied("done", b'[{"t":"unheard of","at":0}]', b"", b"0"))
    floor.ledger.lost.left = 1
    await floor.send("form-submissions", floor.submission())
    await floor.sweep()
    assert len(floor.decisions()) == 1
    assert list(floor.ledger.outbox) == [b"0"]
