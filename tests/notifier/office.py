"""A notifier under test: the real one, in this process, on a real Valkey that holds log and queue."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from redis.asyncio import Redis

from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.adapters.redis.deliveries import Deliveries
from router.bootstrap import CLOCK, Log
from router.entrypoints.notifier.run import notify
from router.events.base import rfc3339, to_millis
from router.events.envelope import encode
from router.pipeline.ending import end
from router.ports import Outgoing, Source
from router.settings import load_settings
from tests.unit.policy_text import MINIMAL, write

LEAD = "ld_00000000000000000000000000000001"


async def until(met: Callable[[], object], *, within: float = 15.0) -> None:
    """Return as soon as *met* holds; fails where it does not in time."""
    deadline = time.monotonic() + within
    while not met():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)


class Office:
    """One workspace: its log, its queue, its files, and any number of notifiers on them."""

    def __init__(self, url: str, prefix: str, client: Redis, folder: Path) -> None:
        self.url, self.prefix, self.client = url, prefix, client
        self.workspace = prefix.strip("-")
        self.folder = folder
        self.deliveries = Deliveries(client, self.workspace)
        self.dead_records = 0
        self._publisher = StreamPublisher(url, prefix, CLOCK.now)
        self._tail = StreamTail(url, prefix, CLOCK.now)
        self._notifiers: dict[str, asyncio.Task[None]] = {}

    def configure(self, notify_section: str) -> None:
        """Write the configuration, with this section `notify`."""
        write(self.folder, MINIMAL + notify_section)

    async def start(self, name: str = "one") -> None:
        """Start a notifier and return when it reads the log."""
        ready = asyncio.Event()

        def source_for(purpose: str) -> Source:
            group = f"router-{self.workspace}-{purpose}"
            return StreamSource(self.url, self.prefix, group=group, consumer=name, now=CLOCK.now, claim_after=1.0)

        log = Log(self._publisher, source_for("unused"), source_for, self._tail, None)
        task = asyncio.create_task(notify(load_settings(), log, self.client, ready.set))
        self._notifiers[name] = task
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()

    async def stop(self, name: str = "one") -> None:
        """Stop a notifier in good order."""
        await end([self._notifiers.pop(name)])

    async def aclose(self) -> None:
        """Stop all notifiers."""
        for name in list(self._notifiers):
            await self.stop(name)
        await self._publisher.aclose()
        await self._tail.aclose()

    async def write(self, *records: Outgoing) -> None:
        """Put records on the log."""
        await self._publisher.publish(records)

    async def dead_letters(self) -> list[dict[str, Any]]:
        """Return the dead letters so far, each id once."""
        found = [record async for record in self._tail.read(["dead-letters"], follow=False)]
        self.dead_records = len(found)
        by_id = {record.headers["ce_id"]: orjson.loads(record.value or b"{}") for record in found}
        return list(by_id.values())

    async def until_dead_letters(self, count: int, *, records: int = 0, within: float = 15.0) -> list[dict[str, Any]]:
        """Return the dead letters as soon as there are *count*, and so many *records* of them."""
        deadline = time.monotonic() + within
        while len(letters := await self.dead_letters()) < count or self.dead_records < records:
            assert time.monotonic() < deadline, f"{len(letters)} dead letters"
            await asyncio.sleep(0.05)
        return letters

    async def waiting(self, channel: str) -> int:
        """Return how many messages are kept for a channel."""
        return int(await self.client.zcard(f"{{{self.workspace}}}:notify:until:{channel}"))

    async def until_idle(self, *channels: str, within: float = 15.0) -> None:
        """Return when nothing is kept for *channels* any more."""
        deadline = time.monotonic() + within
        while sum([await self.waiting(channel) for channel in channels]):
            assert time.monotonic() < deadline, "something is still kept"
            await asyncio.sleep(0.02)

    async def stand(self, state: str, attempt: int, rep: str | None, lead_id: str = LEAD) -> None:
        """Put a lead into the ledger as it stands."""
        lead = {"state": state, "attempt": attempt, "rep": rep}
        await self.client.set(f"{{{self.workspace}}}:lead:{lead_id}", orjson.dumps(lead))


@asynccontextmanager
async def office_at(url: str, prefix: str, folder: Path) -> AsyncIterator[Office]:
    """Open an office; it ends with its notifiers."""
    client = Redis.from_url(url)
    office = Office(url, prefix, client, folder)
    try:
        yield office
    finally:
        await office.aclose()
        await client.aclose()


def note(  # noqa: PLR0913 - what a test may want to say of it
    kind: str = "assigned",
    *,
    attempt: int = 1,
    to: tuple[str, str] = ("rep", "ana"),
    name: str | None = None,
    touch_in: float | None = 300.0,
    at: datetime | None = None,
    links: Mapping[str, str] | None = None,
    title: str = "New lead: Ada, Acme",
    text: str = "Phone: +15550100\nFirst contact due soon.",
) -> Outgoing:
    """Make a notification, due in *touch_in* seconds; None: without a clock."""
    at = at or CLOCK.now()
    name = name or f"ntf_{uuid.uuid4().hex}"
    data = {
        "notification_id": name,
        "kind": kind,
        "recipient": {"type": to[0], "id": to[1]},
        "lead_id": LEAD,
        "attempt": attempt,
        "touch_by": None if touch_in is None else rfc3339(at + timedelta(seconds=touch_in)),
        "title": title,
        "text": text,
        "lead": {"name": "Ada"},
        "links": links,
    }
    return encode(
        "rep-notifications",
        to[1],
        "notification.requested.v1",
        name,
        to_millis(at),
        to[1],
        orjson.dumps(data),
        workspace="test",
    )


def notes(count: int) -> Sequence[Outgoing]:
    """Make so many notifications."""
    return [note(name=f"ntf_{number}") for number in range(count)]
