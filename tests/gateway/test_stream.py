"""The stream of events: what happens as it happens, and nothing left out after a break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.adapters.redis import keys
from router.entrypoints.gateway import entry, feed
from router.entrypoints.gateway.feed import Feed, LeftBehind, Mark
from router.entrypoints.gateway.stream import before
from router.events.envelope import encode
from tests.gateway.live import Site, eventually, open_site
from tests.valkey import ValkeyServer


@dataclass(frozen=True, slots=True)
class Said:
    """One event of the stream."""

    id: str
    event: str
    data: Any


async def read(lines: AsyncIterator[str]) -> AsyncGenerator[Said]:
    """Yield the events of a stream, as a browser would understand it."""
    fields: dict[str, str] = {}
    async for line in lines:
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.removeprefix(" ")
        elif not line and fields:
            yield Said(fields.get("id", ""), fields.get("event", ""), orjson.loads(fields.get("data", "null")))
            fields = {}


@asynccontextmanager
async def stream(site: Site, headers: dict[str, str], after: str = "") -> AsyncIterator[AsyncGenerator[Said]]:
    """Open the stream, as who has seen all up to *after*."""
    more = {"Last-Event-ID": after} if after else {}
    async with site.client.stream("GET", "/v1/events", headers={**headers, **more}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(read(answer.aiter_lines())) as events:
            yield events


async def publish(site: Site, numbers: Sequence[int], workspace: str = "") -> None:
    """Write assignments that carry *numbers* as the workers would."""
    records = [
        encode(
            "lead-assignments",
            "ld_1",
            "lead.accepted.v1",
            f"fact-{number}",
            number,
            "ld_1",
            orjson.dumps(_assignment(number)),
            workspace=workspace or site.door.workspace,
        )
        for number in numbers
    ]
    await site.place.log.publisher.publish(records)


def _assignment(number: int) -> dict[str, object]:
    moment = "2026-03-02T14:05:09.000Z"
    return {
        "lead_id": "ld_1",
        "submission_id": "s-1",
        "sequence": number,
        "attempt": 1,
        "rep_id": "ana",
        "route": "hot",
        "step": 1,
        "pool": "all",
        "reason": "accepted",
        "at": moment,
        "acted_at": moment,
        "submitted_at": moment,
        "touch_by": None,
        "accept_by": None,
        "policy_version": "v",
    }


async def some(events: AsyncIterator[Said], count: int) -> list[Said]:
    """Return the next *count* events that carry data."""
    found: list[Said] = []
    async with asyncio.timeout(20):
        async for one in events:
            if one.data is not None:
                found.append(one)
            if len(found) == count:
                break
    return found


async def test_what_happens_is_told_as_it_happens(site: Site) -> None:
    """An assignment comes with its type, an opaque id and the data of the log; another workspace's does not."""
    async with stream(site, await site.bearer("agent")) as events:
        first = await anext(events)
        await publish(site, [1], workspace="another")
        await publish(site, [2])
        [said] = await some(events, 1)

    assert (first.data, bool(first.id)) == (None, True)
    assert (said.event, said.data) == ("lead.accepted.v1", _assignment(2))


async def test_a_status_is_told(site: Site) -> None:
    """What a rep says of themselves comes as an event of presence."""
    headers = await site.bearer("agent")
    async with stream(site, headers) as events:
        await anext(events)
        await site.client.post("/v1/reps/ana/presence", json={"status": "busy"}, headers=headers)
        [said] = await some(events, 1)

    assert (said.event, said.data["rep_id"], said.data["status"]) == ("rep.presence.v1", "ana", "busy")


@pytest.mark.parametrize("seen", [0, 3])
async def test_after_a_break_nothing_is_left_out(site: Site, seen: int) -> None:
    """Who comes back with the last id, though it was before any event, gets all that came meanwhile, in order."""
    headers = await site.bearer("agent")
    async with stream(site, headers) as events:
        last = await anext(events)
        await publish(site, [1, 2, 3])
        if seen:
            last = (await some(events, seen))[-1]
    await publish(site, [4, 5])
    async with stream(site, headers, after=last.id) as events:
        said = await some(events, 5 - seen)
        await publish(site, [6])
        said += await some(events, 1)

    assert [one.data["sequence"] for one in said] == list(range(seen + 1, 7))


async def test_another_gateway_goes_on_from_the_log(site: Site, valkey: str, prefix: str, tmp_path: Path) -> None:
    """An id of a gateway that is gone is good at another one, which reads the log from there."""
    headers = await site.bearer("agent")
    async with stream(site, headers) as events:
        await anext(events)
        await publish(site, [1, 2])
        last = (await some(events, 2))[0]
    async with open_site(valkey, prefix, tmp_path) as other:
        await publish(site, [3])
        async with stream(other, headers, after=last.id) as events:
            said = await some(events, 2)
            await publish(site, [4])
            said += await some(events, 1)

    assert [one.data["sequence"] for one in said] == [2, 3, 4]


async def test_more_than_is_kept_comes_from_the_log(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was away for longer than the newest events reach gets the older ones from the log, none twice."""
    monkeypatch.setattr(feed, "KEPT", 4)
    door = site.door
    small = Feed(site.place.log.tail, door.clock, door.workspace)
    running = asyncio.create_task(small.run())
    begin = small.now()
    await publish(site, range(1, 21))

    async def all_read() -> bool:
        return small.now().places.get("lead-assignments/0") == 20

    await eventually(all_read)
    numbers = []
    async with asyncio.timeout(20), aclosing(small.listen(begin)) as moments:
        async for moment in moments:
            numbers.append(orjson.loads(moment.data)["sequence"])
            if len(numbers) == 20:
                await publish(site, [21])
            if len(numbers) == 21:
                break
    running.cancel()

    assert numbers == list(range(1, 22))


async def test_a_listener_that_is_too_slow_is_told_to_come_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not keep up gets no gap: the stream ends, and the last mark leads on without one."""
    monkeypatch.setattr(feed, "KEPT", 4)
    door = site.door
    small = Feed(site.place.log.tail, door.clock, door.workspace)
    running = asyncio.create_task(small.run())
    moments = small.listen(small.now())
    await publish(site, [1])
    async with asyncio.timeout(20):
        mark = (await anext(moments)).mark
        await publish(site, range(2, 12))

        async def all_read() -> bool:
            return small.now().places.get("lead-assignments/0") == 11

        await eventually(all_read)
        with pytest.raises(LeftBehind):
            await anext(moments)
        again = small.listen(mark)
        assert [orjson.loads((await anext(again)).data)["sequence"] for _ in range(10)] == list(range(2, 12))
    running.cancel()


async def test_an_id_that_was_never_given_is_refused(site: Site) -> None:
    """A `Last-Event-ID` that is none is 422, not a stream that leaves something out."""
    headers = await site.bearer("agent")
    for text in ("x", "🙂", "bnVsbA", "WyJhIiwtMSx7fV0", Mark("a", 1, {"b": -1}).text(), "A" * 20_000):
        raw = [(name.encode(), value.encode()) for name, value in {**headers, "Last-Event-ID": text}.items()]
        assert (await site.client.get("/v1/events", headers=raw)).status_code == 422, text[:20]


async def test_a_stream_ends_within_two_seconds_of_its_keys_end(site: Site) -> None:
    """Of a key that another process revokes nothing is told any more; another key's stream goes on."""
    key = await site.key("agent")
    good = await site.bearer("agent")
    async with stream(site, {"Authorization": f"Bearer {key}"}) as ended, stream(site, good) as goes_on:
        for events in (ended, goes_on):
            await anext(events)
        await publish(site, [1])
        assert len(await some(ended, 1)) == len(await some(goes_on, 1)) == 1
        await site.redis.hdel(f"{{{site.door.workspace}}}:keys", key.split("_")[1])
        async with asyncio.timeout(2):
            assert await some(ended, 1) == []
        await publish(site, [2])
        [said] = await some(goes_on, 1)

    assert said.data["sequence"] == 2


async def test_what_is_there_when_a_key_ends_is_not_told(site: Site) -> None:
    """An event and the key's end in the same moment: the end is first."""
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    moments = before(over, site.door.feed.listen())
    await publish(site, [1, 2])
    async with asyncio.timeout(20):
        assert orjson.loads((await anext(moments)).data)["sequence"] == 1
        over.set_result(None)
        assert [one async for one in moments] == []


async def test_a_stream_outlives_redis(
    own_valkey: ValkeyServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that cannot be looked up counts as good: the stream goes on when log and Redis are back."""
    monkeypatch.setattr(keys, "TRUSTED_FOR", 0.0)
    monkeypatch.setattr(entry, "LOOKS_EVERY", 0.02)
    async with open_site(own_valkey.url, prefix, tmp_path) as site:
        headers = await site.bearer("agent")
        async with stream(site, headers) as events:
            await anext(events)
            own_valkey.kill()

            async def away() -> bool:
                return (await site.client.get("/v1/leads/ld_1", headers=headers)).status_code == 503

            for _ in range(3):
                await eventually(away)
            await asyncio.to_thread(own_valkey.start)
            await publish(site, [1])
            [said] = await some(events, 1)

    assert said.data["sequence"] == 1


async def test_streams_end_when_the_gateway_stops(valkey: str, prefix: str, tmp_path: Path) -> None:
    """A gateway that stops does not wait for those who only listen."""
    began = asyncio.get_running_loop().time()
    async with open_site(valkey, prefix, tmp_path) as site:
        answer = await site.client.send(
            site.client.build_request("GET", "/v1/events", headers=await site.bearer("agent")), stream=True
        )
        lines = answer.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        site.door.feed.close()
        async with asyncio.timeout(10):
            async for _ in lines:
                pass
        await answer.aclose()
    assert asyncio.get_running_loop().time() - began < 10
