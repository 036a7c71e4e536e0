"""Links in notifications: scanners that open them change nothing; the button acts, for as long as it makes sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from router.domain.board.now import OpenLead
from router.events.base import rfc3339, to_millis
from router.pipeline.links import Signer
from tests.gateway.live import eventually
from tests.pages.office import Office, open_office, post, token_in

PUBLIC = "http://leads.example.com"
HOUR = 3_600_000


@pytest_asyncio.fixture
async def office(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office whose notifications carry links."""
    async with open_office(valkey, prefix, tmp_path, public_url=PUBLIC) as opened:
        yield opened


def links(office: Office, lead: OpenLead, rep: str = "ana", *, expires_in: int = HOUR) -> dict[str, str]:
    """Return the paths of the links that a notification of *lead* carries."""
    until = to_millis(office.site.door.clock.now()) + expires_in
    made = office.site.door.signer.links(lead.lead_id, lead.attempt, rep, until)
    assert made is not None
    return {name: link.removeprefix(PUBLIC) for name, link in made.items()}


async def waits(office: Office, lead: OpenLead) -> bool:
    """Return whether the lead waits in the queue."""
    now = await office.board.lead(lead.lead_id)
    return now is not None and now.state == "waiting"


async def press(client: httpx.AsyncClient, link: str, fields: dict[str, str] | None = None) -> str:
    """Press the button of a link's page, and return the page that follows."""
    answer = await post(client, link, link, fields)
    assert answer.status_code == 303
    return (await client.get(answer.headers["location"])).text


async def test_scanners_change_nothing(office: Office) -> None:
    """A mail scanner that opens every link with GET and HEAD, again and again, accepts and declines nothing."""
    await office.is_("ana", "available")
    lead = await office.lead()
    async with office.browser() as scanner:
        for link in links(office, lead).values():
            for _ in range(3):
                shown = await scanner.get(link)
                assert shown.status_code == 200
                assert "Ada Byron" in shown.text
                head = await scanner.head(link)
                assert (head.status_code, head.text) == (200, "")
    assert await office.actions() == []
    assert await office.board.lead(lead.lead_id) == lead


async def test_accept_then_call(office: Office) -> None:
    """The button of `accept` accepts; the page then leads on to telling of the call, and that stops the clock."""
    await office.is_("ana", "available")
    lead = await office.lead()
    made = links(office, lead)
    async with office.browser() as phone:
        page = await press(phone, made["accept"])
        assert "The lead is yours" in page
        assert "tel:+12025550143" in page
        assert made["touched"] in page
        assert "<button" not in page.partition("<main")[2]

        page = await press(phone, made["touched"], {"channel": "sms"})

        assert "Nothing left to do" in page
        assert "Ada Byron" not in page
    assert [(one["action"], one.get("channel")) for one in await office.actions()] == [
        ("accept", None),
        ("touch", "sms"),
    ]
    assert await office.board.lead(lead.lead_id) is None


async def test_a_link_of_an_assignment_that_has_moved_on(office: Office) -> None:
    """After a decline the old links say that the lead has moved on, and nothing of who it is about."""
    await office.is_("ana", "available")
    await office.is_("ben", "available")
    lead = await office.lead()
    made = links(office, lead)
    async with office.browser() as phone:
        token = {"token": token_in((await phone.get(made["accept"])).text)}
        page = await press(phone, made["decline"], {"reason": "Not my area"})
        assert "has moved on" in page
        assert await office.holder(lead.lead_id) == "ben"
        for name in ("accept", "decline", "view"):
            shown = (await phone.get(made[name])).text
            assert "has moved on" in shown
            assert "Ada Byron" not in shown
            assert "<button" not in shown.partition("<main")[2]
        await phone.post(made["accept"], data=token)  # from a page that was open since
        assert await office.holder(lead.lead_id) == "ben"

        page = await press(phone, made["touched"], {"channel": "call"})  # ana reached them all the same
        assert "Nothing left to do" in page
    assert [one["action"] for one in await office.actions()] == ["decline", "touch"]


async def test_a_lead_back_in_the_queue_can_be_taken(office: Office) -> None:
    """Whose lead went back to the queue may still take it by the old link, as long as nobody else has it."""
    await office.is_("ana", "available")
    lead = await office.lead()
    await office.is_("ana", "offline")
    await eventually(lambda: waits(office, lead))
    made = links(office, lead)
    async with office.browser() as phone:
        shown = (await phone.get(made["accept"])).text
        assert "This lead waits for somebody" in shown
        assert "Ada Byron" not in shown
        await press(phone, made["accept"])
    assert await office.holder(lead.lead_id) == "ana"


async def test_who_accepted_and_passed_on_may_take_it_after_all(office: Office) -> None:
    """The same button of the same link, pressed about a lead that waits by now, is another action; twice it is one."""
    await office.is_("ana", "available")
    lead = await office.lead()
    await office.is_("ana", "busy")  # she keeps it, and nothing comes back to her by itself
    made = links(office, lead)
    async with office.browser() as phone:
        await press(phone, made["accept"])
        at = rfc3339(office.site.door.clock.now())
        passed_on = {"action_id": "a-1", "lead_id": lead.lead_id, "rep_id": "ana", "action": "decline", "at": at}
        await office.site.door.send("rep-actions", [passed_on])
        await eventually(lambda: waits(office, lead))

        page = (await phone.get(made["accept"])).text
        assert "Take it, and it is yours" in page
        token = {"token": token_in(page)}
        await asyncio.gather(*(phone.post(made["accept"], data=token) for _ in range(2)))
    assert await office.holder(lead.lead_id) == "ana"
    taken = [one["action_id"] for one in await office.actions() if one["action"] == "accept"]
    assert len(set(taken)) == 2


async def test_a_touch_of_a_lead_that_was_opened_again(office: Office) -> None:
    """The person wrote again and waits: the link of the attempt that was touched before stops the new clock, too."""
    await office.is_("ana", "available")
    lead = await office.lead()
    made = links(office, lead)
    async with office.browser() as phone:
        await press(phone, made["touched"], {"channel": "call"})
        assert await office.board.lead(lead.lead_id) is None
        await office.is_("ana", "busy")
        again = await office.lead("web-2", email="web-1@acme.example")
        assert (again.lead_id, again.attempt, again.state) == (lead.lead_id, lead.attempt, "waiting")

        page = await press(phone, made["touched"], {"channel": "call"})
        assert "Nothing left to do" in page
    assert await office.board.lead(lead.lead_id) is None


async def test_links_that_are_over_or_forged(office: Office) -> None:
    """A link that is too old, altered, or signed elsewhere is a page that says so, for whoever opens or presses it."""
    await office.is_("ana", "available")
    lead = await office.lead()
    good = links(office, lead)["accept"]
    stolen = Signer(b"another secret of some 32 letters", PUBLIC).links(lead.lead_id, 1, "ana", HOUR)
    assert stolen is not None
    bad = (
        links(office, lead, expires_in=-1000)["accept"],
        good[:-3] + "abc",
        stolen["accept"].removeprefix(PUBLIC),
        "/a/%00",
        "/a/" + "x" * 3000,
    )
    async with office.browser() as phone:
        for link in bad:
            assert (await phone.get(link)).status_code == 410
            assert (await phone.head(link)).status_code == 410
            assert (await phone.post(link, data={"token": "0" * 64})).status_code == 410
        for data in ({}, {"token": "0" * 64}):
            assert (await phone.post(good, data=data)).status_code == 403
        token = {"token": token_in((await phone.get(good)).text)}
        assert (await phone.post(good, data=token, headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await phone.put(good)).status_code == 405
    assert await office.actions() == []


async def test_a_managers_link_only_shows(office: Office) -> None:
    """A manager sees how the lead stands, has no button, and goes on to its story."""
    await office.is_("ana", "available")
    lead = await office.lead()
    until = to_millis(office.site.door.clock.now()) + HOUR
    made = office.site.door.signer.view(lead.lead_id, lead.attempt, "mia", until)
    assert made is not None
    async with office.browser() as phone:
        page = (await phone.get(made["view"].removeprefix(PUBLIC))).text
    assert "Ada Byron" in page
    assert f"/board/leads/{lead.lead_id}" in page
    assert "<button" not in page.partition("<main")[2]


async def test_a_wrong_way_is_refused(office: Office) -> None:
    """How somebody was reached is one of the ways that there are."""
    await office.is_("ana", "available")
    lead = await office.lead()
    link = links(office, lead)["touched"]
    async with office.browser() as phone:
        assert (await post(phone, link, link, {"channel": "pigeon"})).status_code == 422
    assert await office.actions() == []
