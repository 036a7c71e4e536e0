"""Sees everything that comes on the topics of a deployment, reacts to it, and waits for what a test expects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from router.bootstrap import Log, log_of
from router.domain.audit.observed import Observed
from router.events import TOPICS
from router.ports import Outgoing
from router.settings import load_settings
from tests.e2e.play import observe

SHOWN = 60
"""Records told of when a test fails."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One record, and when it was first there to be read."""

    record: Observed
    arrived: datetime

    @property
    def type(self) -> str:
        """The type without its ends: `assigned` for `lead.assigned.v1`."""
        return (self.record.ce_type or "").removesuffix(".v1").partition(".")[2]

    @property
    def data(self) -> dict[str, Any]:
        """What it says; empty where it is no JSON."""
        return dict(self.record.data or {})

    @property
    def told(self) -> str:
        """What it says, on one line, for who looks into a test that failed."""
        fields = ("kind", "submission_id", "lead_id", "attempt", "rep_id", "reason", "at")
        return f"{self.record.ce_type} " + " ".join(str(self.data[name]) for name in fields if name in self.data)


React = Callable[[Seen], Sequence[Outgoing]]
"""What the world does about a record, told once for each ce_id."""


class Witness:
    """Everything seen so far; `once` is what it amounts to, as any record may come again under its id."""

    def __init__(self, log: Log, react: React) -> None:
        self._log = log
        self._react = react
        self._more = asyncio.Event()
        self._known: set[str] = set()
        self.observed: list[Observed] = []
        self.once: list[Seen] = []

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Publish *records* in order, one batch each."""
        for record in records:
            await self._log.publisher.publish([record])

    async def until(self, enough: Callable[[Sequence[Seen]], bool], *, within: float = 30.0) -> None:
        """Return as soon as what was seen is *enough*; fails with what was seen where that does not come."""
        try:
            async with asyncio.timeout(within):
                while not enough(self.once):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            story = "\n".join(f"{seen.arrived:%H:%M:%S.%f} {seen.told}" for seen in self.once[-SHOWN:])
            raise AssertionError(f"not enough after {within} s; the end of what was told:\n{story}") from None

    async def until_quiet(self, seconds: float) -> None:
        """Return when nothing has come for so long: what should not come is to have had its chance."""
        while True:
            self._more.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._more.wait()
            except TimeoutError:
                return

    async def watch(self) -> None:
        """See what comes and react, until cancelled."""
        async for received in self._log.tail.read(list(TOPICS), follow=True):
            record = observe(received)
            self.observed.append(record)
            if record.ce_id not in self._known:
                if record.ce_id is not None:
                    self._known.add(record.ce_id)
                seen = Seen(record, received.received_at)
                self.once.append(seen)
                await self.send(self._react(seen))
            self._more.set()


@asynccontextmanager
async def witnessing(react: React = lambda _: ()) -> AsyncIterator[Witness]:
    """Watch the deployment that the environment names; a reaction that failed fails the test at once."""
    async with log_of(load_settings()) as log:
        witness = Witness(log, react)
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(witness.watch())
            yield witness
            watching.cancel()
