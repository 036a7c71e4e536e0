"""What keeps open pages alive: the stream of changes, heartbeats, and the day's numbers from the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest_asyncio

from router.entrypoints.gateway.serve import STOPS_WITHIN
from router.entrypoints.pages.acting import LEAVES, STAYS
from tests.gateway.live import eventually
from tests.pages.office import Office, open_office, post, token_in


@pytest_asyncio.fixture
async def office(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office as somebody has it who tries the router out."""
    async with open_office(valkey, prefix, tmp_path) as opened:
        yield opened


@asynccontextmanager
async def listening(client: httpx.AsyncClient, path: str) -> AsyncIterator[list[str]]:
    """Give the changes that a stream tells of, as they come; the first says that it is open."""
    changes: list[str] = []

    async def listen() -> None:
        async with client.stream("GET", path) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                changes.extend([line] * line.startswith(("event:", "data:")))

    task = asyncio.create_task(listen())
    try:
        await eventually(lambda: count(changes, 1))
        yield changes
    finally:
        task.cancel()
        await asyncio.wait([task])


async def count(changes: list[str], least: int) -> bool:
    """Return whether there were so many."""
    return changes.count("event: change") >= least


async def test_a_rep_hears_only_of_what_is_theirs(office: Office) -> None:
    """A rep's stream tells of their own leads and status and says nothing of anybody; a manager's tells of all."""
    await office.is_("ana", "available")
    async with (
        office.visitor("rep", "ana") as ana,
        office.visitor("rep", "ben") as ben,
        office.visitor("manager", "mia") as mia,
        listening(ana, "/leads/events") as hers,
        listening(ben, "/leads/events") as his,
        listening(mia, "/board/events") as all_of_it,
    ):
        await office.lead()
        await eventually(lambda: count(hers, 2))
        await eventually(lambda: count(all_of_it, 2))
        await office.is_("ben", "busy")
        await eventually(lambda: count(his, 2))

        assert his.count("event: change") == 2
        assert {*hers, *his, *all_of_it} == {"event: change", "data: 1"}


async def test_the_gateway_ends_with_pages_open(valkey: str, prefix: str, tmp_path: Path) -> None:
    """Open streams hold the end of the process up for no longer than a moment."""
    async with AsyncExitStack() as pages, AsyncExitStack() as process:
        office = await process.enter_async_context(open_office(valkey, prefix, tmp_path))
        ana = await pages.enter_async_context(office.visitor("rep", "ana"))
        await pages.enter_async_context(listening(ana, "/leads/events"))
        asked = time.monotonic()

        await process.aclose()

        assert time.monotonic() - asked < STOPS_WITHIN - 1


async def test_heartbeats_do_not_flood_the_log(office: Office) -> None:
    """However many pages beat however often, the log gets one heartbeat in a while; it sets no status."""
    async with office.visitor("rep", "ana") as ana:
        token = token_in((await ana.get("/leads")).text)
        for beat in range(12):
            fields = {"token": token, "page": f"page-{beat % 3}-12345678"}
            assert (await ana.post("/presence/beat", data=fields)).status_code == 204
    [event] = await office.site.on("rep-presence")
    assert (event["heartbeat"], event["ttl_seconds"]) == (True, STAYS)
    assert await office.has_status("ana", "offline")


async def test_only_the_last_page_takes_the_rep_along(office: Office) -> None:
    """Of two open pages one may be closed; with the last one the rep is gone in seconds."""
    async with office.visitor("rep", "ana") as ana:
        token = token_in((await ana.get("/leads")).text)
        await ana.post("/presence", data={"token": token, "status": "available"})
        for page in ("page-one-1", "page-two-2"):
            await ana.post("/presence/beat", data={"token": token, "page": page})
        before = len(await office.site.on("rep-presence"))
        await ana.post("/presence/leave", data={"token": token, "page": "page-one-1"})
        assert len(await office.site.on("rep-presence")) == before

        await ana.post("/presence/leave", data={"token": token, "page": "page-two-2"})

        last = (await office.site.on("rep-presence"))[-1]
        assert (last["heartbeat"], last["ttl_seconds"]) == (True, LEAVES)
        await eventually(lambda: office.has_status("ana", "offline"))


async def test_the_day_is_read_from_the_log(valkey: str, prefix: str, tmp_path: Path) -> None:
    """A gateway that was started again tells of all that happened since midnight."""
    async with open_office(valkey, prefix, tmp_path) as office:
        await office.is_("ana", "available")
        lead = await office.lead()
        async with office.visitor("rep", "ana") as ana:
            await post(ana, f"/leads/{lead.lead_id}/touch", "/leads", {"attempt": "1", "channel": "call"})
    async with open_office(valkey, prefix, tmp_path) as office, office.visitor("manager", "mia") as mia:

        async def told() -> bool:
            return "1 lead for sales of 1 submission." in (await mia.get("/board/now")).text

        await eventually(told)
        page = (await mia.get("/board")).text
        assert "100%" in page
        assert "Ana Prado" in page


async def test_a_story_tells_why(office: Office) -> None:
    """A lead's story names who had it, what they did, and why nobody else got it."""
    await office.is_("ana", "available")
    await office.is_("ben", "away")
    lead = await office.lead()
    async with office.visitor("rep", "ana") as ana:
        await post(ana, f"/leads/{lead.lead_id}/decline", "/leads", {"attempt": "1", "reason": "Not my area"})
    async with office.visitor("manager", "mia") as mia:

        async def told() -> str | None:
            page = (await mia.get(f"/board/leads/{lead.lead_id}")).text
            return page if "Declined by Ana Prado" in page else None

        page = await eventually(told)
        assert (await mia.get("/board/leads/ld_" + "0" * 32)).status_code == 404
    for sentence in (
        "Decided: Ready to buy; goes to sales",
        "Ana Prado gets the lead",
        "Ben Okafor is away",
        "Waits for a rep",
        "Ana Prado heard of the lead",
    ):
        assert sentence in page
