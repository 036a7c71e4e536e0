"""An office for each test, and one real Chromium for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.pages.office import Office, open_office

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--mute-audio",
]


def chromium() -> str:
    """Return the program: `ROUTER_TEST_CHROMIUM`, or one that is installed. Without one skip; in CI fail."""
    places = (os.environ.get("ROUTER_TEST_CHROMIUM"), shutil.which("chromium"), "/usr/bin/chromium")
    found = next((place for place in places if place and Path(place).is_file()), None)
    if found is None:
        why = "no Chromium: install the package chromium, or set ROUTER_TEST_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return found


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Give a Chromium without a window."""
    path = chromium()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def office(valkey: str, prefix: str, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office as somebody has it who tries the router out."""
    async with open_office(valkey, prefix, tmp_path) as opened:
        yield opened


class Desks:
    """Opens windows of a browser, and keeps what each complains of."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []

    async def open(self, **options: object) -> Page:
        """Open a window with cookies of its own."""
        context = await self._browser.new_context(**options)  # type: ignore[arg-type]  # whatever the test asks for
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = await context.new_page()
        page.on(
            "console",
            lambda told: self.complaints.append(told.text) if told.type == "error" and "410" not in told.text else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _hear(self, told: ConsoleMessage) -> None:
        """Keep what is an error of the page; that a link is over is none."""
        if told.type == "error" and "410 (Gone)" not in told.text:
            self.complaints.append(told.text)

    async def come_in(self, office: Office, name: str, **options: object) -> Page:
        """Open a window in which somebody has come in."""
        page = await self.open(**options)
        await page.goto(f"{office.url}/sign-in")
        await page.get_by_role("button", name=name).click()
        await page.wait_for_url("**/leads" if name != "Mia Chen" else "**/board")
        return page

    async def close(self) -> None:
        """Close all windows."""
        for context in self._contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def desks(browser: Browser) -> AsyncIterator[Desks]:
    """Give the browser's windows; afterwards none of them may have complained, of the content policy for one."""
    opened = Desks(browser)
    yield opened
    await opened.close()
    assert not opened.complaints
