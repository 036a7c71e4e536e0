"""A gateway with its worker and pages, and what a test does there: people sign in, leads come in."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from router.adapters.redis.board import RedisBoard
from router.adapters.redis.visitors import Kind
from router.domain.board.now import OpenLead
from router.events.base import rfc3339
from router.events.presence import PresenceStatus
from tests.gateway.live import Site, eventually, open_site
from tests.pages.team import write_team

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class Office:
    """A running gateway and worker over a small team."""

    site: Site
    board: RedisBoard

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self.site.url

    def browser(self) -> httpx.AsyncClient:
        """Give a visitor with cookies of their own."""
        return httpx.AsyncClient(base_url=self.url, timeout=30)

    @asynccontextmanager
    async def visitor(self, kind: Kind, person: str) -> AsyncIterator[httpx.AsyncClient]:
        """Give a visitor who has come in as somebody, by the door that a trial has."""
        async with self.browser() as client:
            answer = await post(client, f"/sign-in/as/{kind}/{person}", "/sign-in")
            assert answer.status_code == 303, answer.text
            yield client

    async def lead(self, submission: str = "web-1", **fields: object) -> OpenLead:
        """Send a form and return the lead that came of it, as soon as the ledger has it."""
        known = {one.lead_id for one in (await self.board.now([])).leads}
        data: dict[str, object] = {
            "submission_id": submission,
            "submitted_at": rfc3339(self.site.door.clock.now()),
            "form": "demo-request",
            "email": f"{submission}@acme.example",
            "phone": "+1 202 555 0143",
            "first_name": "Ada",
            "last_name": "Byron",
            "company": "Acme",
            "job_title": "VP Operations",
            "message": "Can we talk today?",
            **fields,
        }
        await self.site.door.send("form-submissions", [data])

        async def there() -> OpenLead | None:
            now = await self.board.now([])
            return next((one for one in now.leads if one.lead_id not in known), None)

        found: OpenLead = await eventually(there)
        return found

    async def is_(self, rep_id: str, status: PresenceStatus) -> None:
        """Let a rep have a status that does not run out, and wait until the ledger has it."""
        at = rfc3339(self.site.door.clock.now())
        await self.site.door.send("rep-presence", [{"rep_id": rep_id, "status": status, "at": at, "ttl_seconds": 0}])
        await eventually(lambda: self.has_status(rep_id, status))

    async def has_status(self, rep_id: str, status: str) -> bool:
        """Return whether the ledger has the rep so."""
        at, _, rep = await self.board.leads_of(rep_id)
        return rep is not None and rep.status_at(at) == status

    async def holder(self, lead_id: str) -> str | None:
        """Return who has the lead."""
        lead = await self.board.lead(lead_id)
        return lead.rep_id if lead else None

    async def actions(self) -> list[dict[str, Any]]:
        """Return all that was done about leads."""
        return await self.site.on("rep-actions")


@asynccontextmanager
async def open_office(
    valkey: str,
    prefix: str,
    folder: Path,
    more: str = "",
    **settings: Any,  # noqa: ANN401 - settings of all kinds
) -> AsyncIterator[Office]:
    """Open the office; *more* are sections of its configuration."""
    given = {"listen": f"127.0.0.1:{free_port()}", **settings}
    async with open_site(valkey, prefix, folder, config=write_team(folder, more), **given) as site, site.worker():
        yield Office(site, RedisBoard(site.redis, site.place.workspace))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def token_in(page: str) -> str:
    """Return the token of the first form of a page."""
    match = TOKEN.search(page)
    assert match, page
    return match[1]


async def post(
    client: httpx.AsyncClient,
    path: str,
    from_page: str,
    fields: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send a form as a browser does: with the token of the page that it stands on."""
    shown = await client.get(from_page)
    data = {"token": token_in(shown.text), **(fields or {})}
    return await client.post(path, data=data, headers=dict(headers or {}))
