"""While the log or Redis is away: refused within a bounded time, nothing accepted, and good again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from router.adapters.embedded.streams import StreamPublisher
from router.bootstrap import CLOCK
from router.errors import DependencyDown
from router.ports import Outgoing
from tests.gateway.live import Site, eventually, open_site
from tests.gateway.test_submissions import LEAD, post
from tests.valkey import ValkeyServer


class Door:
    """A log behind a door: shut it refuses, or says nothing at all; open it is the real one."""

    def __init__(self, publisher: StreamPublisher) -> None:
        self._publisher = publisher
        self.shut = ""
        self.calls = 0

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish where it is open."""
        self.calls += 1
        if self.shut == "hangs":
            await asyncio.sleep(3600)
        if self.shut:
            raise DependencyDown("the log is away")
        await self._publisher.publish(records)

    async def aclose(self) -> None:
        """Close it."""
        await self._publisher.aclose()


@pytest_asyncio.fixture
async def behind(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[tuple[Site, Door]]:
    """Give a gateway, and the door that its log is behind."""
    door = Door(StreamPublisher(valkey, prefix, CLOCK.now))
    async with open_site(valkey, prefix, tmp_path, publisher=door) as site:
        yield site, door
    await door.aclose()


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_nothing_is_accepted_while_the_log_is_away(behind: tuple[Site, Door], how: str) -> None:
    """Each of a hundred calls is 503 with Retry-After within seconds, and the log stays empty; then all is good."""
    site, door = behind
    ingest, agent = await site.bearer("ingest"), await site.bearer("agent")
    door.shut = how
    began = asyncio.get_running_loop().time()

    answers = await asyncio.gather(
        *(
            site.client.post("/v1/submissions", json={**LEAD, "submission_id": f"s-{n}"}, headers=ingest)
            for n in range(100)
        ),
        site.client.post("/v1/reps/ana/presence", json={"status": "busy"}, headers=agent),
        site.client.post("/v1/activities", json={"kind": "x", "email": "d@acme.example"}, headers=ingest),
    )

    assert {(one.status_code, one.headers["retry-after"]) for one in answers} == {(503, "1")}
    assert {one.headers["content-type"] for one in answers} == {"application/problem+json"}
    assert asyncio.get_running_loop().time() - began < 8
    assert door.calls < 40
    door.shut = ""

    async def taken() -> bool:
        return (await post(site, {**LEAD, "submission_id": "s-1"}, ingest))[0] == 202

    await eventually(taken)
    assert [one["submission_id"] for one in await site.on("form-submissions")] == ["s-1"]
    assert await site.on("rep-presence") == []


async def test_a_short_outage_is_not_noticed(behind: tuple[Site, Door]) -> None:
    """A log that is back within a second takes what was waiting, and nobody is refused."""
    site, door = behind
    headers = await site.bearer("ingest")
    door.shut = "refuses"
    call = asyncio.create_task(post(site, LEAD, headers))

    async def tried() -> bool:
        return door.calls > 1

    await eventually(tried)
    door.shut = ""
    assert (await call)[0] == 202


async def test_a_refused_request_may_come_again_under_its_key(behind: tuple[Site, Door]) -> None:
    """After 503 the same Idempotency-Key is good, and names the same submission that it would have."""
    site, door = behind
    headers = {**await site.bearer("ingest"), "Idempotency-Key": "k"}
    bare = {"form": "f", "email": "d@acme.example"}
    door.shut = "refuses"
    assert (await post(site, bare, headers))[0] == 503
    door.shut = ""

    async def taken() -> str | None:
        status, body = await post(site, bare, headers)
        return body["accepted"][0]["submission_id"] if status == 202 else None

    first = await eventually(taken)
    assert await taken() == first
    assert [one["submission_id"] for one in await site.on("form-submissions")] == [first]


async def test_a_heartbeat_that_was_refused_is_written_the_next_time(behind: tuple[Site, Door]) -> None:
    """A beat that the log did not take does not count as written."""
    site, door = behind
    headers = await site.bearer("agent")
    beat = {"status": "available", "heartbeat": True, "ttl_seconds": 900}
    door.shut = "refuses"
    assert (await post(site, beat, headers, "/v1/reps/ana/presence"))[0] == 503
    door.shut = ""

    async def taken() -> bool:
        return (await post(site, beat, headers, "/v1/reps/ana/presence"))[0] == 202

    await eventually(taken)
    assert len(await site.on("rep-presence")) == 1


async def test_a_killed_server_is_outlived(own_valkey: ValkeyServer, prefix: str, tmp_path: Path) -> None:
    """With log and Redis killed calls are 503 and the process is not ready; they come back and so does the gateway."""
    async with open_site(own_valkey.url, prefix, tmp_path) as site:
        headers = await site.bearer("ingest")
        assert (await post(site, LEAD, headers))[0] == 202
        assert (await site.client.get("/health/ready")).status_code == 200
        own_valkey.kill()
        answers = [
            await site.client.post("/v1/submissions", json={**LEAD, "submission_id": f"d-{n}"}, headers=headers)
            for n in range(3)
        ]
        ready = await site.client.get("/health/ready")
        live = await site.client.get("/health/live")
        await asyncio.to_thread(own_valkey.start)

        assert {one.status_code for one in answers} == {503}
        assert (ready.status_code, ready.json()) == (503, {"status": "away", "log": "away", "redis": "away"})
        assert live.status_code == 200

        async def taken() -> bool:
            return (await post(site, {**LEAD, "submission_id": "after"}, headers))[0] == 202

        await eventually(taken)
        assert [one["submission_id"] for one in await site.on("form-submissions")] == ["s-1", "after"]
