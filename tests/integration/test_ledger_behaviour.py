"""What `router.ports.Ledger` promises, on each of its two implementations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import orjson
import pytest

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Act, Attend, Audience, Install, Place, Step, Verb
from router.ports import Applied
from tests.fakes import ManualClock, MemoryLedger
from tests.unit.ledger_story import START, seat

HOUR = 3_600_000


class Ledger(Protocol):
    """A ledger whose time a test may say."""

    async def apply(self, verbs: Sequence[Verb], now: int | None = None) -> Sequence[Applied]:
        """Apply *verbs* at *now*."""

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take *applied* out of the outbox."""

    def give_up(self) -> None:
        """Leave the outbox to the sweep."""

    async def abandoned(self, after: bytes = b"") -> Sequence[Applied]:
        """Return what was given up."""


def submission(number: int) -> Place:
    """Return a submission for the pool `all`."""
    return Place(
        f"s{number}", f"L{number}", "sales", "iql", START, START, START, "v1", f'{{"number":{number}}}',
        '{"name":"Ada"}', "hot", steps=(Step("all", "all"),), escalate_to="mia", considered=1, trace=f"trace-{number}",
    )  # fmt: skip


@pytest.fixture(params=["memory", "redis"])
async def ledger(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Ledger]:
    """Give each ledger, with ana available and room for two leads."""
    install = Install(
        "v1", (seat("ana", capacity=2),), {"all": ("ana",)}, {}, 5, 2, None, 30_000, HOUR,
        (Audience("all", "all", "in_order", ("ana",)),),
    )  # fmt: skip
    begin: tuple[Verb, ...] = (install, Attend("ana", "available", START, 0))
    if request.param == "memory":
        memory = MemoryLedger(ManualClock())
        await memory.apply(begin, START)
        yield memory
        return
    async with connect(request.getfixturevalue("valkey")) as client:
        real = RedisLedger(client, prefix)
        await real.begin("test")
        await real.apply(begin, START)
        alive = asyncio.create_task(real.stay_alive())
        yield real
        alive.cancel()


async def swept(ledger: Ledger) -> Sequence[Applied]:
    """Return what the sweep finds, as soon as it finds anything; that a publisher is gone shows after a second."""
    async with asyncio.timeout(5):
        while not (found := await ledger.abandoned()):  # noqa: ASYNC110 - nobody tells when a key has run out
            await asyncio.sleep(0.05)
    return found


async def test_answers_come_in_the_order_of_the_verbs(ledger: Ledger) -> None:
    """A batch gives one answer each, with facts, the decision and the trace of the verb that it is for."""
    verbs: list[Verb] = [
        submission(1),
        Attend("zoe", "available", START, 0),
        submission(1),
        submission(2),
        submission(3),
    ]
    answers = await ledger.apply(verbs, START)
    assert [one.code for one in answers] == ["done", "unknown_rep", "repeat", "done", "done"]
    assert [one.trace for one in answers] == ["trace-1", None, "trace-1", "trace-2", "trace-3"]
    assert [one.decision for one in answers] == [b'{"number":1}', b"", b"", b'{"number":2}', b'{"number":3}']
    happened = [[fact["t"] for fact in orjson.loads(one.facts)] for one in answers]
    assert happened == [
        ["decided", "assigned", "notify"], [], [], ["decided", "assigned", "notify"], ["decided", "queued"]
    ]  # fmt: skip
    assert [bool(one.entry) for one in answers] == [True, False, False, True, True]


async def test_no_verbs_are_no_call(ledger: Ledger) -> None:
    """An empty batch is nothing."""
    assert list(await ledger.apply([], START)) == []


async def test_what_is_published_leaves_the_outbox(ledger: Ledger) -> None:
    """Nobody sweeps what the log has acknowledged, also after the publisher is gone."""
    first, second = await ledger.apply([submission(1), submission(2)], START)
    await ledger.published([first])
    ledger.give_up()
    assert [one.entry for one in await swept(ledger)] == [second.entry]


async def test_what_was_given_up_is_swept_as_it_was(ledger: Ledger) -> None:
    """Facts, decision and trace come out of the outbox to the letter, the oldest first, until they are published."""
    applied = await ledger.apply([submission(1), submission(2)], START)
    assert list(await ledger.abandoned()) == []
    ledger.give_up()
    found = await swept(ledger)
    assert [(one.facts, one.decision, one.entry, one.trace) for one in found] == [
        (one.facts, one.decision, one.entry, one.trace) for one in applied
    ]
    await ledger.published(found)
    assert list(await ledger.abandoned()) == []


async def test_what_is_applied_after_giving_up_is_not_swept(ledger: Ledger) -> None:
    """The process goes on; only what went before is left to others."""
    [lost] = await ledger.apply([submission(1)], START)
    ledger.give_up()
    [kept] = await ledger.apply([submission(2)], START)
    assert [one.entry for one in await swept(ledger)] == [lost.entry]
    await ledger.published([kept])


async def test_applying_again_is_harmless(ledger: Ledger) -> None:
    """The same verbs a second time change nothing and leave nothing in the outbox."""
    verbs: list[Verb] = [submission(1), Act("a1", "L1", "ana", "touch", START)]
    await ledger.published(await ledger.apply(verbs, START))
    again = await ledger.apply(verbs, START + 1)
    assert [(one.code, one.entry) for one in again] == [("repeat", b"")] * 2


async def test_a_sweep_goes_on_after_what_it_has_seen(ledger: Ledger) -> None:
    """What cannot be published stays and is passed by: nothing that comes after it waits for it."""
    applied = await ledger.apply([submission(1), submission(2)], START)
    ledger.give_up()
    first, second = await swept(ledger)
    assert [one.entry for one in await ledger.abandoned(first.entry)] == [second.entry]
    assert list(await ledger.abandoned(second.entry)) == []
    assert [one.entry for one in await ledger.abandoned()] == [one.entry for one in applied]
