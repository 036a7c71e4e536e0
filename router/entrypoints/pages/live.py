"""
Follows the log for the pages: folds the day's numbers, and tells who looks at a page that something has changed.

What has changed is read from the ledger, which knows it before the log does; so
what is told here holds nothing of any lead, and being told twice does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from router.domain.board.day import Day, Numbers, midnight
from router.entrypoints.gateway.door import Door
from router.errors import DependencyDown, InvalidEvent
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.envelope import decode, source
from router.events.presence import RepPresence
from router.events.sla import SlaEvent
from router.events.submission import FormSubmitted
from router.ports import Received

log = structlog.get_logger()

TOPICS = ("form-submissions", "lead-decisions", "lead-assignments", "sla-events", "rep-presence")
INPUTS = frozenset({"form-submissions", "rep-presence"})
BEGINS_AGAIN_AFTER = 1.0  # seconds
SHARE = 20
FORGETS_EVERY = timedelta(hours=1)


class _Listener:
    def __init__(self, rep_id: str | None) -> None:
        self.rep_id = rep_id
        self.news = asyncio.Event()


class Live:
    """The log as the pages need it while `run` does; *zone* gives the time zone that a day is counted in."""

    def __init__(self, door: Door, zone: Callable[[], str]) -> None:
        self._tail = door.log.tail
        self._leads = door.leads
        self._clock = door.clock
        self._ours = source(door.workspace).encode()
        self._zone = zone
        self._day = Day()
        self._numbers: Numbers | None = None
        self._numbers_until = 0.0
        self._listeners: set[_Listener] = set()

    def numbers(self) -> Numbers:
        """Return the numbers of today. However many people look, a twentieth of the time goes into them at most."""
        started = time.perf_counter()
        if started >= self._numbers_until or self._numbers is None:
            self._numbers = self._day.numbers(self._clock.now(), self._zone())
            ended = time.perf_counter()
            self._numbers_until = ended + SHARE * (ended - started)
        return self._numbers

    async def run(self) -> None:
        """Follow the log from this morning on for ever, through any outage."""
        since = midnight(self._clock.now(), self._zone())
        while True:
            try:
                await self._follow(since)
            except DependencyDown:
                log.warning("pages.away")
            except Exception:  # the pages go on without the numbers, and the log says why
                log.exception("pages.failed")
            await asyncio.sleep(BEGINS_AGAIN_AFTER)

    async def listen(self, rep_id: str | None, pause: float) -> AsyncIterator[None]:
        """Yield when something has changed that the rep sees, without one anything; not again for *pause* seconds."""
        listener = _Listener(rep_id)
        self._listeners.add(listener)
        try:
            while True:
                await listener.news.wait()
                listener.news.clear()
                yield
                await asyncio.sleep(pause)
        finally:
            self._listeners.discard(listener)

    async def _follow(self, since: datetime) -> None:
        forget_at = self._clock.now() + FORGETS_EVERY
        async for record in self._tail.read(TOPICS, follow=True, since=since):
            data = self._read(record)
            if data is None:
                continue
            self._day.fold(data)
            await self._tell(data)
            if self._clock.now() >= forget_at:
                self._day.forget_before(midnight(self._clock.now(), self._zone()))
                forget_at = self._clock.now() + FORGETS_EVERY

    def _read(self, record: Received) -> EventData | None:
        """Return the event; None for what is none, or another workspace's where two share a prefix."""
        if record.topic not in INPUTS and record.headers.get("ce_source") != self._ours:
            return None
        try:
            return decode(record).data
        except InvalidEvent:
            return None

    async def _tell(self, data: EventData) -> None:
        if not self._listeners or isinstance(data, FormSubmitted):
            return
        concerned = await self._concerned(data)
        for listener in self._listeners:
            if listener.rep_id is None or listener.rep_id == concerned:
                listener.news.set()

    async def _concerned(self, data: EventData) -> str | None:
        """Return the rep whose page shows something else now."""
        if isinstance(data, AssignmentEvent | SlaEvent | RepPresence):
            return data.rep_id
        if isinstance(data, LeadDecided) and data.to == "attached":  # somebody wrote again: their rep is told
            with suppress(DependencyDown):
                standing = await self._leads.of(data.lead_id)
                return standing.rep_id if standing else None
        return None
