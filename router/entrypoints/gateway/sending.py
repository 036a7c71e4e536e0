"""
Puts events onto the log, for many requests at once, and knows submissions again.

Requests that come while a batch is on its way make the next one together. A
request waits a bounded time; while the log is away others are refused at once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import orjson
import structlog

from router.adapters.redis.seen import SeenIds
from router.errors import DependencyDown
from router.events import TOPICS
from router.events.base import to_millis
from router.events.envelope import MAX_VALUE_BYTES, encode
from router.events.submission import FormSubmitted
from router.pipeline.ending import end
from router.ports import Clock, Outgoing, Publisher

TAKEN_WITHIN: Final = 2.0
"""Seconds that the log has to take a batch before its requests are refused."""

TRIES_EVERY: Final = 0.2
"""Seconds between tries within that time: a server that is started again is back before anybody hears of it."""

REFUSES_FOR: Final = 0.5
"""Seconds after a batch that the log did not take, in which others are refused without a try."""

BATCH: Final = 500

SUBMISSIONS: Final = "form-submissions"

NAMED_BY: Final = {
    SUBMISSIONS: ("submission_id", "submission_id"),
    "lead-activities": ("activity_id", "activity_id"),
    "rep-presence": ("rep_id", None),
    "rep-actions": ("lead_id", "action_id"),
    "lead-outcomes": ("lead_id", "outcome_id"),
}
"""The fields that key and id of an event on each input topic come from; without one the id is a hash of the data."""

log = structlog.get_logger()


class TooLarge(Exception):
    """One event is larger than its topic takes, though its request was not."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A submission that the log has; `duplicate`: it had it already."""

    submission_id: str
    duplicate: bool


@dataclass(slots=True)
class _Waiting:
    """A request's records with the ids to know them by, and who waits for them."""

    records: Sequence[Outgoing]
    ids: Sequence[str] | None
    done: asyncio.Future[Sequence[bool]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Sending:
    """Sends through one publisher; `aclose` waits for what is on its way."""

    def __init__(self, publisher: Publisher, seen: SeenIds, clock: Clock, workspace: str) -> None:
        self._publisher = publisher
        self._seen = seen
        self._clock = clock
        self._workspace = workspace
        self._waiting: list[_Waiting] = []
        self._work: asyncio.Task[None] | None = None
        self._unnoted: set[str] = set()
        self._noting: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()
        self._refuses_until = 0.0

    async def send(self, topic: str, events: Sequence[Mapping[str, object]], trace: str | None = None) -> None:
        """Return when the log has all *events*; raises `DependencyDown` where it has not, and `TooLarge`."""
        await self._sent(_Waiting([self._record(topic, event, trace) for event in events], None))

    async def submit(self, submissions: Sequence[FormSubmitted], trace: str | None = None) -> Sequence[Receipt]:
        """
        Send *submissions*, each once by its id as far as that is remembered, and return a receipt of each.

        Raises as `send` does.
        """
        ids = [one.submission_id for one in submissions]
        records = [
            self._record(SUBMISSIONS, one.model_dump(mode="json", exclude_defaults=True), trace) for one in submissions
        ]
        repeated = await self._sent(_Waiting(records, ids))
        return [Receipt(*one) for one in zip(ids, repeated, strict=True)]

    async def aclose(self) -> None:
        """Wait for what is on its way, and let go of what the log does not take."""
        if self._work is not None:
            await asyncio.wait([self._work])
        if self._noting is not None:
            await asyncio.wait([self._noting])
        await end(list(self._late))

    def _record(self, topic: str, event: Mapping[str, object], trace: str | None) -> Outgoing:
        key_field, id_field = NAMED_BY[topic]
        [ce_type] = TOPICS[topic]
        key, data, now = str(event[key_field]), orjson.dumps(event), to_millis(self._clock.now())
        if len(data) > MAX_VALUE_BYTES:
            raise TooLarge
        ce_id = str(event[id_field]) if id_field else hashlib.sha256(data).hexdigest()[:32]
        return encode(topic, key, ce_type, ce_id, now, key, data, workspace=self._workspace, traceparent=trace)

    async def _sent(self, waiting: _Waiting) -> Sequence[bool]:
        if asyncio.get_running_loop().time() < self._refuses_until:
            raise DependencyDown("the log is away")
        self._waiting.append(waiting)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._send_all())
        return await waiting.done

    async def _send_all(self) -> None:
        while self._waiting:
            batch = self._next()
            try:
                await self._send_batch(batch)
            except DependencyDown:
                self._refuses_until = asyncio.get_running_loop().time() + REFUSES_FOR
                batch += self._waiting  # they would fare no better
                self._waiting = []
                log.warning("log.away", refused=len(batch))
                _refuse(batch, "the log is away")
            except BaseException:
                _refuse(batch, "the gateway failed")
                raise

    def _next(self) -> list[_Waiting]:
        """Take as many requests as make one batch, at least one."""
        sizes = accumulate(len(one.records) for one in self._waiting)
        count = next((count for count, size in enumerate(sizes, 1) if size >= BATCH), len(self._waiting))
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _send_batch(self, batch: Sequence[_Waiting]) -> None:
        known = self._unnoted | set(await self._known([one for waiting in batch for one in waiting.ids or ()]))
        records, repeated, fresh = _sorted_out(batch, known)
        await self._publish(records)
        for waiting, answer in zip(batch, repeated, strict=True):
            if not waiting.done.done():  # its request may have been given up
                waiting.done.set_result(answer)
        self._note(fresh)

    async def _known(self, ids: Sequence[str]) -> Collection[str]:
        try:
            async with asyncio.timeout(TAKEN_WITHIN):
                return await self._seen.known(ids)
        except (DependencyDown, TimeoutError):
            return ()  # the log may be there all the same, and a repeat in it does no harm

    def _note(self, ids: Sequence[str]) -> None:
        """Have *ids* remembered; until Redis has them they are here, so that nobody waits for it."""
        self._unnoted.update(ids)
        if self._unnoted and (self._noting is None or self._noting.done()):
            self._noting = asyncio.create_task(self._note_all())

    async def _note_all(self) -> None:
        while self._unnoted:
            ids = list(self._unnoted)
            with suppress(DependencyDown):  # then a repeat is not told as one, and the ledger knows it
                await self._seen.note(ids, self._clock.now())
            self._unnoted.difference_update(ids)

    async def _publish(self, records: Sequence[Outgoing]) -> None:
        """Publish within `TAKEN_WITHIN`; an attempt that hangs is left to end by itself, as the publisher knows how."""
        if not records:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + TAKEN_WITHIN
        while True:
            attempt = asyncio.create_task(self._publisher.publish(records))
            await asyncio.wait([attempt], timeout=until - loop.time())
            if not attempt.done():
                self._late.add(attempt)
                attempt.add_done_callback(self._forget)
                raise DependencyDown("the log does not answer")
            error = attempt.exception()
            if error is None:
                return
            if not isinstance(error, DependencyDown) or loop.time() + TRIES_EVERY >= until:
                raise error
            await asyncio.sleep(TRIES_EVERY)

    def _forget(self, attempt: asyncio.Task[None]) -> None:
        self._late.discard(attempt)
        if not attempt.cancelled():
            attempt.exception()


def _sorted_out(
    batch: Sequence[_Waiting], known: set[str]
) -> tuple[Sequence[Outgoing], Sequence[Sequence[bool]], Sequence[str]]:
    """Return what is to be sent, which of each request's submissions are repeats, and the ids of the others."""
    records: list[Outgoing] = []
    repeated: list[list[bool]] = []
    fresh: list[str] = []
    for waiting in batch:
        answers: list[bool] = []
        repeated.append(answers)
        if waiting.ids is None:
            records += waiting.records
            continue
        for identifier, record in zip(waiting.ids, waiting.records, strict=True):
            answers.append(identifier in known)
            if identifier not in known:
                known.add(identifier)
                fresh.append(identifier)
                records.append(record)
    return records, repeated, fresh


def _refuse(batch: Sequence[_Waiting], why: str) -> None:
    for waiting in batch:
        if not waiting.done.done():
            waiting.done.set_exception(DependencyDown(why))
