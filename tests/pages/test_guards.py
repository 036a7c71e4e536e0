"""What a page refuses: forged forms, other people's leads, other people's pages; and the headers that it goes with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.gateway.live import eventually
from tests.pages.office import Office, open_office, post, token_in

FORGED = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)


@pytest_asyncio.fixture
async def office(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office as somebody has it who tries the router out."""
    async with open_office(valkey, prefix, tmp_path) as opened:
        yield opened


async def test_every_form_needs_its_token(office: Office) -> None:
    """No form is taken without the token of its page, with another visitor's, or from another site."""
    await office.is_("ana", "available")
    lead = await office.lead()
    paths = (f"/leads/{lead.lead_id}/accept", "/presence", "/presence/beat", "/presence/leave", "/samples", "/sign-out")
    fields = {"attempt": "1", "status": "busy", "page": "page-12345678"}
    async with office.visitor("rep", "ana") as ana, office.visitor("rep", "ben") as ben:
        hers, his = token_in((await ana.get("/leads")).text), token_in((await ben.get("/leads")).text)
        for path in paths:
            for token in ("", "0" * 64, his):
                assert (await ana.post(path, data={**fields, "token": token})).status_code == 403, path
            for headers in FORGED:
                answer = await ana.post(path, data={**fields, "token": hers}, headers=headers)
                assert answer.status_code == 403, path
        async with office.browser() as stranger:
            stolen = await stranger.post(paths[0], data={**fields, "token": hers})
            assert stolen.headers["location"] == "/sign-in"

    assert await office.actions() == []
    assert not await office.has_status("ana", "busy")


async def test_a_rep_sees_and_does_only_what_is_theirs(office: Office) -> None:
    """Nobody else's lead is on the page, can be answered from it, or can be looked up."""
    await office.is_("ana", "available")
    lead = await office.lead(first_name="Only", last_name="Anas")
    async with office.visitor("rep", "ben") as ben:
        assert "Only Anas" not in (await ben.get("/leads")).text
        assert "Only Anas" not in (await ben.get("/leads/now")).text
        for action in ("accept", "decline", "touch"):
            answer = await post(ben, f"/leads/{lead.lead_id}/{action}", "/leads", {"attempt": "1"})
            assert answer.status_code == 409
            assert "Only Anas" not in answer.text
        for path in ("/board", "/board/now", "/board/events", f"/board/leads/{lead.lead_id}"):
            assert (await ben.get(path)).status_code == 403
    async with office.visitor("manager", "mia") as mia:
        for path in ("/leads", "/leads/now", "/leads/events"):
            assert (await mia.get(path)).status_code == 403
        assert "Only Anas" in (await mia.get("/board")).text
    assert await office.actions() == []


async def test_a_waiting_lead_is_not_taken_from_the_page(office: Office) -> None:
    """A rep's page answers what the rep holds; it is no way to take what waits for others."""
    lead = await office.lead()
    async with office.visitor("rep", "ben") as ben:
        answer = await post(ben, f"/leads/{lead.lead_id}/accept", "/leads", {"attempt": "0"})
    assert answer.status_code == 409
    assert await office.actions() == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/presence", {"status": "asleep"}),
        ("/presence", {}),
        ("/presence/beat", {"page": "../../etc"}),
        ("/presence/beat", {}),
        ("/leads/x/explode", {}),
        ("/leads/x/accept", {"attempt": "1" * 5000}),
    ],
)
async def test_nonsense_is_refused(office: Office, path: str, fields: dict[str, str]) -> None:
    """What no form of ours sends is refused, and never a fault of the server."""
    async with office.visitor("rep", "ana") as ana:
        answer = await post(ana, path, "/leads", fields)
        huge = await post(ana, path, "/leads", {"x": "y" * 20_000})
    assert 400 <= answer.status_code < 500
    assert 400 <= huge.status_code < 500
    assert await office.site.on("rep-presence") == []


async def test_nothing_happens_twice(office: Office) -> None:
    """A button that is pressed twice counts once."""
    await office.is_("ana", "available")
    lead = await office.lead()
    async with office.visitor("rep", "ana") as ana:
        token = token_in((await ana.get("/leads")).text)
        fields = {"token": token, "attempt": "1"}
        first = await ana.post(f"/leads/{lead.lead_id}/accept", data=fields)
        second = await ana.post(f"/leads/{lead.lead_id}/accept", data=fields)
    assert first.headers["location"] == "/leads?done=accept"
    assert second.headers["location"] == "/leads?done=later"  # it waits for what has happened already
    assert len({action["action_id"] for action in await office.actions()}) == 1


async def test_every_page_goes_with_its_headers(office: Office) -> None:
    """Scripts and styles come from here alone, nobody frames a page, and no page is kept by a cache."""
    async with office.visitor("manager", "mia") as mia:
        for path in ("/board", "/sign-in/abc.def", "/a/nothing", "/board/leads/none"):
            headers = (await mia.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["cache-control"] == "no-store"
            assert headers["referrer-policy"] == "same-origin"
        page = (await mia.get("/board")).text
        assert "style=" not in page
        assert "<script>" not in page
        files = [part.split('"')[0] for part in page.split('"/static/')[1:]]
        assert len(files) == 3
        for name in files:
            answer = await mia.get(f"/static/{name}")
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        assert (await mia.get("/static/../routes.py")).status_code == 404
        assert (await mia.get("/static/%2e%2e%2froutes.py")).status_code == 404


async def test_pages_are_not_in_the_reference(office: Office) -> None:
    """The reference of the HTTP interface is for programs and does not list what is for people."""
    async with office.browser() as client:
        listed = (await client.get("/openapi.json")).json()["paths"]
    assert not [path for path in listed if not path.startswith(("/v1/", "/health", "/metrics"))]


async def test_sample_leads_are_good(office: Office) -> None:
    """The sample leads are events as any other: each is decided, none is refused."""
    async with office.visitor("manager", "mia") as mia:
        assert (await post(mia, "/samples", "/board")).headers["location"] == "/board"

    async def decided() -> bool:
        return len(await office.site.on("lead-decisions")) == 5

    await eventually(decided)
    assert await office.site.on("dead-letters") == []
    assert {one["to"] for one in await office.site.on("lead-decisions")} >= {"sales"}
