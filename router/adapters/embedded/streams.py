"""
The log on Redis Streams: publish, and read as a member of a consumer group.

At-least-once comes from the group's list of pending entries: an entry is
acknowledged after its handler returned. A member reads its own pending ones
first when it starts; those of a member that died are claimed by another.
Reading outside any group is in `tail.py`, trimming in `retention.py`.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

import redis.asyncio as redis
import structlog

from router.adapters.embedded.connection import ANSWERS_WITHIN, OUTAGE, connect, patiently, within
from router.adapters.embedded.entries import NEXT_ID, Fields, Stamp, stream_key, to_received, to_words
from router.pipeline.ending import end
from router.ports import BatchHandler, Outgoing

Entries = list[tuple[bytes, Fields | None]]

BATCH = 500
STOPS_WITHIN = 5.0  # seconds that a batch in work may take to end when the process does
READ_NEW = ">"

_log = structlog.get_logger(__name__)


class StreamPublisher:
    """Writes to the log, one round trip a batch."""

    def __init__(self, url: str, prefix: str, now: Stamp) -> None:
        self._client = connect(url)
        self._prefix = prefix
        self._now = now

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when the server has written all *records*; raises `DependencyDown` when it did not."""
        if not records:
            return
        written_at = b"%d" % (self._now().timestamp() * 1000)
        pipeline = self._client.pipeline(transaction=False)
        for record in records:
            pipeline.execute_command(
                "XADD", stream_key(self._prefix, record.topic), NEXT_ID, *to_words(record, written_at)
            )
        await within(ANSWERS_WITHIN, pipeline.execute)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class StreamSource:
    """
    Reads the log as *consumer*, a member of *group*.

    No two live processes may share a consumer's name; a process that starts
    again under its old name has its unfinished records first. After
    *claim_after* seconds without a sign of life its records go to another.
    """

    def __init__(
        self, url: str, prefix: str, *, group: str, consumer: str, now: Stamp, claim_after: float = 5.0
    ) -> None:
        self._as = _Membership(connect(url), prefix, group, consumer, now, claim_after)
        self._topics: Sequence[str] = ()

    async def consume(self, handlers: Mapping[str, BatchHandler]) -> None:
        """
        Feed each topic's records to its handler until cancelled; one topic never waits for another.

        Raises `DependencyDown` when no server is found at the start.
        """
        self._topics = tuple(handlers)
        members = [_Reading(self._as, topic, handler) for topic, handler in handlers.items()]
        for member in members:
            await within(ANSWERS_WITHIN, member.join)
        topics = [asyncio.create_task(member.run(), name=f"consume {member.topic}") for member in members]
        try:
            done, _ = await asyncio.wait(topics, return_when=asyncio.FIRST_COMPLETED)
            for topic in done:
                topic.result()
        finally:
            try:
                await end(topics)
            finally:
                await self._as.client.aclose()

    async def lag(self) -> Mapping[str, int]:
        """Return how many entries of each topic nobody has taken, or this member and not to their end."""
        client, group = self._as.client, self._as.group
        found: dict[str, int] = {}
        for topic in self._topics:
            key = stream_key(self._as.prefix, topic)
            groups = await within(ANSWERS_WITHIN, functools.partial(client.xinfo_groups, key))
            members = await within(ANSWERS_WITHIN, functools.partial(client.xinfo_consumers, key, group))
            untaken = sum(one["lag"] or 0 for one in groups if one["name"] == group.encode())
            mine = sum(one["pending"] for one in members if one["name"] == self._as.consumer.encode())
            found[topic] = untaken + mine
        return found


@dataclass(frozen=True, slots=True)
class _Membership:
    """Who reads: all that the topics of one source have in common."""

    client: redis.Redis
    prefix: str
    group: str
    consumer: str
    now: Stamp
    claim_after: float


class _Reading:
    """The reading of one topic."""

    def __init__(self, membership: _Membership, topic: str, handler: BatchHandler) -> None:
        self.topic = topic
        self._as = membership
        self._key = stream_key(membership.prefix, topic)
        self._handler = handler

    async def join(self) -> None:
        """Make the group, from the first entry on, unless it is there."""
        try:
            await self._as.client.xgroup_create(self._key, self._as.group, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def run(self) -> None:
        """Read and handle until cancelled, through any outage."""
        while True:
            await patiently(f"join {self.topic}", self.join)
            try:
                await self._handle_own_pending()
                await self._handle_new()
            except OUTAGE as error:
                # An answer may have been lost with the connection: what it held is pending, so begin again there.
                _log.warning("log_away", doing=f"read {self.topic}", problem=type(error).__name__)
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                _log.warning("log_forgot_group", topic=self.topic, group=self._as.group)

    async def _handle_own_pending(self) -> None:
        while entries := await self._read("0"):
            await self._handle(entries)

    async def _handle_new(self) -> None:
        claim_at = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            if clock() >= claim_at:
                while entries := await self._claim():
                    await self._handle(entries)
                claim_at = clock() + self._as.claim_after / 2
            if entries := await self._read(READ_NEW, block_ms=max(1, int((claim_at - clock()) * 1000))):
                await self._handle(entries)

    async def _read(self, start: str, block_ms: int | None = None) -> Entries:
        answer = self._as.client.xreadgroup(
            self._as.group, self._as.consumer, {self._key: start}, count=BATCH, block=block_ms
        )
        patience = ANSWERS_WITHIN + (block_ms or 0) / 1000
        async with asyncio.timeout(patience):
            streams = await cast("Awaitable[list[tuple[bytes, Entries]]]", answer)
        return streams[0][1] if streams else []

    async def _claim(self) -> Entries:
        """Take over what another member has left lying."""
        idle_ms = int(self._as.claim_after * 1000)
        answer = self._as.client.xautoclaim(
            self._key, self._as.group, self._as.consumer, idle_ms, start_id="0", count=BATCH
        )
        async with asyncio.timeout(ANSWERS_WITHIN):
            _, entries, _ = await cast("Awaitable[tuple[bytes, Entries, object]]", answer)
        if entries:
            _log.info("log_claimed", topic=self.topic, count=len(entries))
        return entries

    async def _handle(self, entries: Entries) -> None:
        """Handle and acknowledge *entries*; when cancelled meanwhile, give that a little time to end."""
        work = asyncio.create_task(self._handle_to_the_end(entries))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work], timeout=STOPS_WITHIN)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise

    async def _handle_to_the_end(self, entries: Entries) -> None:
        """Hand *entries* over, then acknowledge them, also those that were trimmed away and have no fields."""
        received_at = self._as.now()
        names = [name for name, _ in entries]
        if records := [to_received(self.topic, name, fields, received_at) for name, fields in entries if fields]:
            async with self._signs_of_life(names):
                await self._handler(records)
        await patiently(f"acknowledge {self.topic}", lambda: self._as.client.xack(self._key, self._as.group, *names))

    @asynccontextmanager
    async def _signs_of_life(self, names: Sequence[bytes]) -> AsyncIterator[None]:
        """While a handler takes its time, keep its entries from looking abandoned."""

        async def refresh() -> None:
            while True:
                await asyncio.sleep(self._as.claim_after / 3)
                await patiently(
                    f"hold {self.topic}",
                    lambda: self._as.client.xclaim(
                        self._key, self._as.group, self._as.consumer, 0, list(names), justid=True
                    ),
                )

        task = asyncio.create_task(refresh())
        try:
            yield
        finally:
            await end([task])
