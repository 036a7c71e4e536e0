"""The ledger on a real Valkey: its outbox, its functions, and what happens when the server is killed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import orjson
import pytest
from redis.asyncio import Redis

from router.adapters.redis import functions
from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Act, Attend, Audience, Close, Edge, Install, Step, Tick, Verb
from router.errors import DependencyDown
from router.ports import Applied
from tests.integration.test_ledger_behaviour import submission, swept
from tests.unit.ledger_story import START, hot, seat
from tests.valkey import ValkeyServer

DAY = 86_400_000


def opening(*more: Verb) -> list[Verb]:
    """Return what puts a policy in force: ana, available, in the pool `all`."""
    install = Install(
        "v1", (seat("ana", capacity=9),), {"all": ("ana",)}, {}, 5, 2, None, 30_000, DAY,
        (Audience("all", "all", "in_order", ("ana",)),),
    )  # fmt: skip
    return [install, Attend("ana", "available", START, 0), *more]


async def begun(client: Redis, workspace: str) -> RedisLedger:
    """Return a ledger that has begun."""
    ledger = RedisLedger(client, workspace)
    await ledger.begin("test")
    await ledger.apply(opening(), START)
    return ledger


@pytest.fixture
async def client(valkey: str) -> AsyncIterator[Redis]:
    """Give a client as a worker has one."""
    async with connect(valkey) as client:
        yield client


@pytest.fixture
async def ledger(client: Redis, prefix: str) -> RedisLedger:
    """Give a ledger with one rep."""
    return await begun(client, prefix)


def kinds(applied: Applied) -> list[str]:
    """Name the facts of an answer."""
    return [fact["t"] for fact in orjson.loads(applied.facts)]


async def outbox(client: Redis, ledger: RedisLedger) -> list[Any]:
    """Return what stands in the outbox."""
    return list(cast("list[Any]", await client.xrange(ledger.prefix + "out")))


# --- one bad verb -----------------------------------------------------------------------------------------------------


async def test_one_bad_verb_does_not_fail_the_others(client: Redis, ledger: RedisLedger) -> None:
    """An error inside the ledger is the answer of that verb alone, and says what went wrong."""
    bad = dataclasses.replace(submission(2), priority=None)  # type: ignore[arg-type]  # this is what breaks it
    await ledger.apply([Attend("ana", "offline", START + 1, 0)], START + 1)
    first, second, third = await ledger.apply([submission(1), bad, submission(3)], START + 2)
    assert [first.code, second.code, third.code] == ["done", "error", "done"]
    assert "nil" in second.message or "arithmetic" in second.message
    assert kinds(first) == kinds(third) == ["decided", "queued"]
    assert len(await outbox(client, ledger)) == len([one for one in (first, second, third) if one.entry])


async def test_a_verb_that_failed_may_come_again(ledger: RedisLedger) -> None:
    """Its fence is taken back: after a mend the same submission is decided, and decided once."""
    await ledger.apply([Attend("ana", "offline", START + 1, 0)], START + 1)
    good = submission(1)
    bad = dataclasses.replace(good, priority=None)  # type: ignore[arg-type]  # this is what breaks it
    [failed] = await ledger.apply([bad], START + 2)
    assert "decided" not in kinds(failed)
    [mended] = await ledger.apply([good], START + 3)
    assert (mended.code, kinds(mended)) == ("done", ["decided", "queued"])


async def test_what_time_brought_is_told_though_the_verb_fails(ledger: RedisLedger) -> None:
    """A presence ran out in the same call: its facts stand before the failed decision, which is not told."""
    hold = dataclasses.replace(submission(1), steps=(Step("all", "all", accept_within=DAY),))
    await ledger.apply([Attend("ana", "available", START + 1, 1_000), hold], START + 1)
    bad = dataclasses.replace(submission(2), priority=None)  # type: ignore[arg-type]  # this is what breaks it
    [failed] = await ledger.apply([bad], START + 5_000)
    assert failed.code == "error"
    assert kinds(failed)[:3] == ["unassigned", "notify", "queued"]
    assert "decided" not in kinds(failed)
    sequences = [fact["seq"] for fact in orjson.loads(failed.facts) if "seq" in fact]
    assert sequences == list(range(2, 2 + len(sequences)))


async def test_an_unknown_verb_is_an_error_of_its_own(ledger: RedisLedger) -> None:
    """A newer worker may ask an older library for what it cannot do."""
    strange = dataclasses.replace(Tick(), verb="conjure")
    [failed, fine] = await ledger.apply([strange, submission(1)], START)
    assert (failed.code, fine.code) == ("error", "done")


# --- the outbox -------------------------------------------------------------------------------------------------------


async def test_an_outbox_entry_stands_until_it_is_published(client: Redis, ledger: RedisLedger) -> None:
    """From the same instant as the change; a process that dies in between has lost nothing."""
    [applied] = await ledger.apply([submission(1)], START)
    [(entry, values)] = await outbox(client, ledger)
    assert (entry, values[b"f"], values[b"d"], values[b"h"]) == (
        applied.entry, applied.facts, applied.decision, b"trace-1"
    )  # fmt: skip
    await ledger.published([applied])
    assert await outbox(client, ledger) == []


async def test_what_a_dead_worker_left_is_swept_by_another_within_about_a_second(
    client: Redis, ledger: RedisLedger, prefix: str
) -> None:
    """Its liveness runs out; another worker gets the same entries, under the same names."""
    applied = await ledger.apply([submission(1), submission(2)], START)
    other = RedisLedger(client, prefix)
    before = asyncio.get_running_loop().time()
    found = await swept(other)
    assert asyncio.get_running_loop().time() - before < 2
    assert [one.entry for one in found] == [one.entry for one in applied]


async def test_a_worker_that_lives_is_not_swept(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """It says so several times a second, however long a publication takes."""
    alive = asyncio.create_task(ledger.stay_alive())
    try:
        await ledger.apply([submission(1)], START)
        other = RedisLedger(client, prefix)
        until = asyncio.get_running_loop().time() + 2
        while asyncio.get_running_loop().time() < until:
            assert list(await other.abandoned()) == []
            await asyncio.sleep(0.1)
    finally:
        alive.cancel()


async def test_who_resigns_is_swept_at_once(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """An orderly end does not leave others waiting."""
    [applied] = await ledger.apply([submission(1)], START)
    await ledger.resign()
    assert [one.entry for one in await RedisLedger(client, prefix).abandoned()] == [applied.entry]


async def test_who_dies_while_it_sweeps_delays_nobody(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """Its lease is over before its liveness is: the breach it recorded last is on the topic within two seconds."""
    assert list(await ledger.abandoned()) == []
    [applied] = await ledger.apply([submission(1)], START)
    before = asyncio.get_running_loop().time()
    assert [one.entry for one in await swept(RedisLedger(client, prefix))] == [applied.entry]
    assert asyncio.get_running_loop().time() - before < 1.6


async def test_a_publisher_that_gave_up_sweeps_its_own(ledger: RedisLedger) -> None:
    """With one worker only there is nobody else; the lease that it holds stays its own."""
    alive = asyncio.create_task(ledger.stay_alive())
    assert list(await ledger.abandoned()) == []
    [applied] = await ledger.apply([submission(1)], START)
    ledger.give_up()
    before = asyncio.get_running_loop().time()
    assert [one.entry for one in await swept(ledger)] == [applied.entry]
    assert asyncio.get_running_loop().time() - before < 1.6
    alive.cancel()


async def test_what_a_cancelled_call_leaves_is_swept(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """A batch that is cancelled while it is taken out of the outbox is told once more, not kept there for ever."""
    alive = asyncio.create_task(ledger.stay_alive())
    [applied] = await ledger.apply([submission(1)], START)
    await client.client_pause(200, all=True)
    leaving = asyncio.create_task(ledger.published([applied]))
    await asyncio.sleep(0.05)  # it waits for its answer now
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert [one.entry for one in await swept(RedisLedger(client, prefix))] == [applied.entry]
    alive.cancel()


async def test_one_worker_sweeps_at_a_time(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """Whoever holds the lease sweeps; the others find nothing to do meanwhile."""
    await ledger.apply([submission(1)], START)
    await ledger.resign()
    one, other = RedisLedger(client, prefix), RedisLedger(client, prefix)
    assert len(await one.abandoned()) == 1
    assert list(await other.abandoned()) == []
    assert len(await one.abandoned()) == 1


# --- a server that goes away ------------------------------------------------------------------------------------------


async def test_a_server_that_is_away_is_a_dependency_down(own_valkey: ValkeyServer, prefix: str) -> None:
    """No verb raises anything else, and the ledger goes on by itself when the server is back."""
    async with connect(own_valkey.url) as client:
        ledger = await begun(client, prefix)
        own_valkey.kill()
        for _ in range(2):
            with pytest.raises(DependencyDown):
                await ledger.apply([submission(1)], START)
        for ask in (ledger.abandoned, ledger.audiences, ledger.sequence, ledger.resign):
            with pytest.raises(DependencyDown):
                await ask()
        own_valkey.start()
        assert [one.code for one in await ledger.apply([submission(1)], START)] == ["done"]


async def test_a_lost_answer_is_applied_once_and_its_facts_come_out_of_the_outbox(
    own_valkey: ValkeyServer, prefix: str
) -> None:
    """Killed in the middle of a call and started again: whatever was applied is told exactly once."""
    verbs = [submission(number) for number in range(400)]
    async with connect(own_valkey.url) as client:
        ledger = await begun(client, prefix)
        first = await ledger.apply(verbs[:50], START)
        await ledger.published(first)
        asked = asyncio.create_task(ledger.apply(verbs, START + 1))
        await asyncio.sleep(0.003)  # somewhere in the call: before, in and after it are all fine
        own_valkey.kill()
        try:
            answers: Sequence[Applied] = await asked
            ledger.give_up()
        except DependencyDown:
            answers = []
        own_valkey.start()
        again = await ledger.apply(verbs, START + 2)
        await ledger.published([one for one in again if one.entry])
        found = {one.entry: one for one in again if one.entry}
        if answers or len(found) < len(verbs) - 50:
            while len(found) < len(verbs) - 50:
                left = await swept(ledger)
                found |= {one.entry: one for one in left}
                await ledger.published(left)
        facts = [fact for one in (*first, *found.values()) for fact in orjson.loads(one.facts)]
        decided = [fact["sub"] for fact in facts if fact["t"] == "decided"]
        assert sorted(decided) == sorted(verb.submission_id for verb in verbs)
        numbers = sorted(fact["seq"] for fact in facts if "seq" in fact)
        assert numbers == list(range(1, len(numbers) + 1))
        assert await outbox(client, ledger) == []


async def test_a_server_whose_memory_is_full_refuses_the_whole_call(own_valkey: ValkeyServer, prefix: str) -> None:
    """What a call gathers to write at its end is not lost halfway: it has not begun, and nothing is fenced."""
    async with connect(own_valkey.url) as client:
        ledger = await begun(client, prefix)
        await client.config_set("maxmemory", 1)
        with pytest.raises(DependencyDown, match="OOM command not allowed"):
            await ledger.apply([submission(1), submission(2)], START + 1)
        await client.config_set("maxmemory", 0)
        assert await client.xlen(ledger.prefix + "out") == 0
        assert [one.code for one in await ledger.apply([submission(1), submission(2)], START + 1)] == ["done", "done"]


async def test_everything_survives_a_kill(own_valkey: ValkeyServer, prefix: str) -> None:
    """Leads, reps, outbox and functions are there again; the rep's load is what it was."""
    async with connect(own_valkey.url) as client:
        ledger = await begun(client, prefix)
        [before] = await ledger.apply([submission(1)], START)
        own_valkey.kill()
        own_valkey.start()
    async with connect(own_valkey.url) as client:
        ledger = RedisLedger(client, prefix)
        [touched] = await ledger.apply([Act("a", "L1", "ana", "touch", START)], START + 1)
        assert kinds(touched) == ["touched"]
        assert [entry for entry, _ in await outbox(client, ledger)] == [before.entry, touched.entry]


# --- a server that forgot ---------------------------------------------------------------------------------------------


async def test_a_redis_that_forgot_is_not_decided_on(client: Redis, ledger: RedisLedger) -> None:
    """Without its epoch nothing is applied, and the error says what to do."""
    await client.delete(ledger.prefix + "epoch")
    with pytest.raises(DependencyDown, match="made again from the log") as error:
        await ledger.apply([submission(1)], START)
    assert type(error.value).__name__ == "LedgerForgot"
    assert await client.exists(f"{ledger.prefix}sub:s1", f"{ledger.prefix}lead:L1") == 0


async def test_another_ledger_than_the_one_that_is_known_is_not_decided_on(
    client: Redis, ledger: RedisLedger, prefix: str
) -> None:
    """Who knows a ledger by its epoch is refused by the next one, until it is adopted."""
    ledger.adopt(await ledger.known())
    await ledger.apply([submission(1)], START)
    await client.set(f"{{{prefix}}}:epoch", "another")
    with pytest.raises(DependencyDown, match="another ledger"):
        await ledger.apply([submission(2)], START)
    assert ledger.forgot.is_set()

    ledger.adopt(await ledger.known())
    assert [one.code for one in await ledger.apply([submission(2)], START)] == ["done"]
    assert not ledger.forgot.is_set()


async def test_a_ledger_that_went_back_is_not_decided_on(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """A worker that has seen a sequence is refused where the ledger knows less; one that looks sees it too."""
    ledger.adopt(await ledger.known())
    await ledger.apply([submission(1), Act("a", "L1", "ana", "touch", START)], START)
    await client.set(f"{{{prefix}}}:seq", 1)
    with pytest.raises(DependencyDown, match="gone back"):
        await ledger.apply([submission(2)], START)
    assert await client.exists(f"{ledger.prefix}sub:s2") == 0

    await client.set(f"{{{prefix}}}:seq", 2)
    ledger.adopt(await ledger.known())
    await client.set(f"{{{prefix}}}:seq", 1)
    await ledger.look()
    assert ledger.forgot.is_set()


async def test_what_was_told_and_not_published_is_held(ledger: RedisLedger) -> None:
    """A worker whose ledger goes away has in memory what it owes the log, also what it had left to the sweep."""
    [told] = await ledger.apply([submission(1)], START)
    assert not ledger.is_drained
    ledger.give_up()
    assert ledger.held() == [told]
    await ledger.published([told])
    assert ledger.is_drained


async def test_a_ledger_begins_once(client: Redis, prefix: str) -> None:
    """Two workers that start together do not begin two ledgers."""
    one, other = RedisLedger(client, prefix), RedisLedger(client, prefix)
    assert await one.sequence() is None
    assert sorted([await one.begin("a"), await other.begin("b")]) == [False, True]
    assert await other.sequence() == 0


async def test_the_sequence_is_the_last_that_was_taken(ledger: RedisLedger) -> None:
    """What a starting worker compares with the log."""
    await ledger.apply([submission(1), Act("a", "L1", "ana", "touch", START)], START)
    assert await ledger.sequence() == 2


async def test_the_first_fingerprint_is_the_ledger_s(client: Redis, ledger: RedisLedger, prefix: str) -> None:
    """Another identity key is seen by every later process."""
    assert await ledger.fingerprint("mine") == "mine"
    assert await RedisLedger(client, prefix).fingerprint("theirs") == "mine"


# --- functions and keys -----------------------------------------------------------------------------------------------


async def test_functions_that_were_flushed_are_loaded_again(client: Redis, ledger: RedisLedger) -> None:
    """A server that lost its functions, and only these, is mended by the next call."""
    await client.function_flush()
    assert [one.code for one in await ledger.apply([submission(1)], START)] == ["done"]


async def test_two_versions_of_the_library_run_side_by_side(
    client: Redis, ledger: RedisLedger, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old and new workers share a ledger while the new ones are rolled out."""
    name, source = functions.library()
    newer = name + "_newer"
    monkeypatch.setattr(functions, "library", lambda: (newer, source.replace(name, newer)))
    new = RedisLedger(client, prefix)
    assert [one.code for one in await new.apply([submission(1)], START)] == ["done"]
    assert [one.code for one in await ledger.apply([submission(1), submission(2)], START)] == ["repeat", "done"]
    assert [one.code for one in await new.apply([Act("a", "L2", "ana", "touch", START)], START)] == ["done"]


async def test_all_keys_of_a_workspace_share_one_hash_tag(client: Redis, prefix: str) -> None:
    """After a story with everything in it no key stands outside the workspace's slot."""
    before = {key async for key in client.scan_iter(count=1_000)}
    ledger = await begun(client, prefix)
    calendar: dict[str, tuple[Edge, ...]] = {
        "office": (Edge(START, "open", midnight=True), Edge(START + DAY, "outside_hours"))
    }
    reps = (seat("ana", capacity=1), seat("ben", 1, calendar="office"))
    audiences = (Audience("all", "all", "weighted_round_robin", ("ana", "ben")),)
    await ledger.apply(
        [
            Install("v2", reps, {"all": ("ana", "ben")}, calendar, 1, 1, 5, 30_000, DAY, audiences),
            Attend("ben", "available", START + 1, 60_000),
            *(dataclasses.replace(submission(n), clock=hot(START, warn_at=(0.5,))) for n in range(4)),
            Act("a1", "L0", "ana", "decline", START + 1),
            Act("a2", "L1", "ben", "touch", START + 1),
            Close("o1", "L2", "won", START + 1),
            dataclasses.replace(submission(9), to="nurture", steps=()),
        ],
        START + 1,
    )
    await ledger.apply([Tick()], START + 600_000)
    await ledger.fingerprint("mine")
    await ledger.abandoned()
    keys = {key async for key in client.scan_iter(count=1_000)} - before
    mine = {key for key in keys if prefix.encode() in key}
    assert len(mine) > 30
    assert all(key.startswith(ledger.prefix.encode()) for key in mine)


async def test_workspaces_do_not_meet(client: Redis, prefix: str) -> None:
    """Two workspaces on one server, with the same ids, know nothing of each other."""
    one, other = await begun(client, prefix + "a"), await begun(client, prefix + "b")
    assert [applied.code for applied in await one.apply([submission(1)], START)] == ["done"]
    assert [applied.code for applied in await other.apply([submission(1)], START)] == ["done"]
    assert (await one.sequence(), await other.sequence()) == (1, 1)


async def test_known_audiences_are_told_as_they_were_made(ledger: RedisLedger) -> None:
    """Enough to work their members out again under another policy."""
    narrow = Audience("x", "all", "longest_idle", ("ana",), "lead.language in rep.languages", '{"lead.language":"pt"}')
    await ledger.apply([narrow], START)
    known = {one.id: one for one in await ledger.audiences()}
    assert set(known) == {"all", "x"}
    found = known["x"]
    assert (found.pool, found.strategy, found.match, found.values, found.members) == (
        "all", "longest_idle", narrow.match, narrow.values, ()
    )  # fmt: skip
    assert known["all"].match is None


async def test_the_server_s_own_time_counts_in_live_use(client: Redis, ledger: RedisLedger) -> None:
    """A worker whose clock is wrong by a day changes nothing."""
    seconds, _ = await client.time()
    [applied] = await ledger.apply([submission(1)])
    at = orjson.loads(applied.facts)[0]["at"]
    assert abs(at - seconds * 1000) < 10_000
