"""How the pages look, and that everybody can use them: axe-core finds nothing, at a phone's width and at a desk's."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has none
from playwright.async_api import Page, expect

from router.events.base import rfc3339, to_millis
from router.pipeline.links import Signer
from router.settings import signing_secret
from tests.gateway.live import eventually
from tests.pages.conftest import Desks
from tests.pages.office import Office, post

pytestmark = pytest.mark.asyncio(loop_scope="session")

PICTURES = Path(__file__).resolve().parents[2] / ".artefacts" / "pages"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 860}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKED_AT = (("phone", "light"), ("desk", "dark"))

PEOPLE: tuple[dict[str, object], ...] = (
    {"first_name": "Maya", "last_name": "Lindqvist", "company": "Acme", "job_title": "VP Operations"},
    {"first_name": "Erik", "last_name": "Halvorsen", "company": "Fjordbank", "job_title": "Head of Customer Service"},
    {"first_name": "Priya", "last_name": "Nair", "company": "Bluebird Health", "job_title": "Director of Growth"},
    {
        "first_name": "Tomás",
        "last_name": "Rivera",
        "company": "Northwind Traders",
        "job_title": "Chief Revenue Officer",
    },
    {"first_name": "Jo", "last_name": "Price", "company": None, "job_title": None, "phone": None},
)
AGES = (20, 170, 260, 420, 30)  # seconds since the form


async def look(page: Page, name: str) -> None:
    """Let axe look at the page, light on a phone and dark on a desk, and keep pictures of both on both."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width, size in (("phone", PHONE), ("desk", DESK)):
        await page.set_viewport_size(size)  # type: ignore[arg-type]  # it is one
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wide <= 0, f"{name} is wider than a {width}"
            if (width, scheme) in LOOKED_AT:
                found: dict[str, Any] = (await Axe().run(page)).response
                told = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]]
                assert told == [], f"{name}, {width}, {scheme}"
                assert len(found["passes"]) > 15, "axe saw the page"
            await page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png", full_page=True)


async def busy_day(office: Office) -> list[str]:
    """Let leads of different ages come in and return their ids."""
    await office.is_("ana", "available")
    now = office.site.door.clock.now()
    leads = [
        await office.lead(f"web-{number}", submitted_at=rfc3339(now - timedelta(seconds=age)), **person)
        for number, (person, age) in enumerate(zip(PEOPLE, AGES, strict=True))
    ]
    return [lead.lead_id for lead in leads]


async def test_signing_in(office: Office, desks: Desks, capsys: pytest.CaptureFixture[str]) -> None:
    """The door: asking for a link, being told to look for it, the link itself, and being refused."""
    page = await desks.open()
    await page.goto(f"{office.url}/sign-in")
    await look(page, "sign-in")
    await page.get_by_label("E-mail address").fill("ana@sales.example")
    await page.get_by_role("button", name="Send me a link").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    await look(page, "sent")
    printed: list[str] = []

    async def link() -> re.Match[str] | None:
        printed.append(capsys.readouterr().out)
        return re.search(r"Sign-in link of rep ana: (\S+)", "".join(printed))

    found: re.Match[str] = await eventually(link)
    await page.goto(found[1])
    await look(page, "come-in")
    await page.goto(f"{office.url}/a/nothing")
    await expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    await look(page, "refused")


async def test_a_link_of_a_notification(office: Office, desks: Desks) -> None:
    """The page that a rep sees who opens a link on the phone, for each thing that a link is for."""
    await office.is_("ana", "available")
    lead = await office.lead()
    settings = office.site.door.settings
    until = to_millis(office.site.door.clock.now()) + 3_600_000
    links = Signer(signing_secret(settings), office.url).links(lead.lead_id, lead.attempt, "ana", until)
    assert links is not None
    page = await desks.open()
    for name in ("accept", "decline", "touched"):
        await page.goto(links[name])
        await expect(page.locator("main button")).to_have_count(1)
        await look(page, f"link-{name}")


async def test_a_reps_page(office: Office, desks: Desks) -> None:
    """Leads of every urgency, one of them accepted, one being declined; and nothing to do."""
    ids = await busy_day(office)
    ana = await desks.come_in(office, "Ana Prado")
    await expect(ana.locator("li.lead")).to_have_count(3)
    await ana.get_by_role("button", name="Accept").last.click()
    await expect(ana.get_by_role("status")).to_have_text("Accepted. The lead is yours.")
    await ana.get_by_text("Decline").first.click()
    await look(ana, "leads")
    assert ids
    ben = await desks.come_in(office, "Ben Okafor")
    await look(ben, "leads-none")


async def test_the_board_and_a_story(office: Office, desks: Desks) -> None:
    """The team's board with a day behind it, and one lead's story."""
    ids = await busy_day(office)
    async with office.visitor("rep", "ana") as ana:
        for lead_id in ids[:2]:
            lead = await office.board.lead(lead_id)
            assert lead is not None
            await post(ana, f"/leads/{lead_id}/touch", "/leads", {"attempt": str(lead.attempt), "channel": "call"})
    await office.is_("ben", "available")

    async def shared() -> bool:
        return await office.holder(ids[4]) is not None

    await eventually(shared)
    mia = await desks.come_in(office, "Mia Chen")
    reached = mia.get_by_text("Reached in all").locator("..").locator("dd")
    await expect(reached).to_contain_text("2")
    await look(mia, "board")
    for table in await mia.get_by_text("As a table").all():
        await table.click()
    await expect(mia.get_by_role("row", name="Ana Prado")).to_be_visible()
    await look(mia, "board-tables")
    await mia.goto(f"{office.url}/board/leads/{ids[3]}")
    await expect(mia.get_by_text("gets the lead").first).to_be_visible()
    await look(mia, "story")
