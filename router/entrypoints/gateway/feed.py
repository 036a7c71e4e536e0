"""
What happens, as it happens: assignments, clocks and presence, for streams and pages.

One reading of the log serves all who listen. The newest events are kept, so
that who was cut off goes on from memory; who was away for longer, or comes to
another process, is served from the log first. An event may come twice, and is
never left out.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson
import structlog

from router.errors import DependencyDown, InvalidEvent
from router.events.base import to_millis
from router.events.envelope import decode, source
from router.ports import Clock, Received, Tail

TOPICS: Final = ("lead-assignments", "sla-events", "rep-presence")
KEPT: Final = 5_000
COMES_WITHIN: Final = timedelta(minutes=5)
"""What was written longer ago than this has been read: nothing of it is looked for again."""

BEGINS_AGAIN_AFTER: Final = 1.0
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST: Final = 16_384

log = structlog.get_logger()

Places = Mapping[str, int]
"""The last offset that was read of each partition, by `topic/partition`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a listener is: `places` were read, and whatever was written before `since` (ms) is not wanted."""

    feed: str
    since: int
    places: Places = field(default_factory=dict)

    def text(self) -> str:
        """Return it as an opaque id."""
        return base64.urlsafe_b64encode(orjson.dumps([self.feed, self.since, self.places])).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """Return the mark that *text* is; None where it is none."""
        if len(text) > _LONGEST:
            return None
        try:
            feed, since, places = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError):
            return None
        numbers = [since, *places.values()] if isinstance(places, dict) else [None]
        if not isinstance(feed, str) or not all(type(one) is int and 0 <= one < 1 << 53 for one in numbers):
            return None
        return cls(feed, since, places)


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of the log: its type, its data as JSON, and where one is after it."""

    ce_type: str
    data: bytes
    mark: Mark


class LeftBehind(Exception):
    """A listener was so slow that events it has not had are no longer kept; its last mark tells where to go on."""


class Feed:
    """Follows the log while `run` does; anybody may `listen`."""

    def __init__(self, tail: Tail, clock: Clock, workspace: str) -> None:
        self._tail = tail
        self._clock = clock
        self._ours = source(workspace).encode()
        self._name = secrets.token_hex(4)
        self._begun = to_millis(clock.now())
        self._kept: deque[tuple[Received, Places, int]] = deque(maxlen=KEPT)
        self._count = 0
        self._places: dict[str, int] = {}
        self._base: Places = {}
        self._news = asyncio.Event()
        self._closed = False

    async def run(self) -> None:
        """Follow the log for ever, through any outage."""
        since = _instant(self._begun)
        while True:
            try:
                async for record in self._tail.read(TOPICS, follow=True, since=since):
                    self._take(record)
            except DependencyDown:
                log.warning("feed.away")
            await asyncio.sleep(BEGINS_AGAIN_AFTER)

    def close(self) -> None:
        """End all who listen."""
        self._closed = True
        self._tell()

    def now(self) -> Mark:
        """Return the mark of the newest event."""
        return Mark(self._name, self._since(to_millis(self._clock.now())), dict(self._places))

    async def listen(self, after: Mark | None = None) -> AsyncGenerator[Moment]:
        """
        Yield what happens from now on, or all that was written *after* a mark.

        Raises `LeftBehind` for a listener that is too slow, and `DependencyDown` where it must be served from the log
        and the log is away.
        """
        mark = after or self.now()
        index = self._count
        if after is not None:
            if self._remembers(after):
                index -= len(self._kept)
            else:
                async for moment in self._from_log(after):
                    mark = moment.mark
                    yield moment
        had = mark.places
        while not self._closed:
            news = self._news
            while index < self._count:
                oldest = self._count - len(self._kept)
                if index < oldest:
                    raise LeftBehind
                record, places, read_at = self._kept[index - oldest]
                index += 1
                if record.offset > had.get(_partition(record), -1) and (event := self._event(record)) is not None:
                    yield Moment(*event, Mark(self._name, self._since(read_at), _later(had, places)))
            await news.wait()

    async def _from_log(self, after: Mark) -> AsyncIterator[Moment]:
        places = dict(after.places)
        async for record in self._tail.read(TOPICS, follow=False, since=_instant(after.since)):
            if record.offset <= places.get(_partition(record), -1):
                continue
            places[_partition(record)] = record.offset
            if (event := self._event(record)) is not None:
                yield Moment(*event, Mark(after.feed, after.since, dict(places)))

    def _take(self, record: Received) -> None:
        partition = _partition(record)
        if record.offset <= self._places.get(partition, -1):  # read again after an outage
            return
        if len(self._kept) == KEPT:
            self._base = self._kept[0][1]
        self._places[partition] = record.offset
        self._kept.append((record, dict(self._places), to_millis(self._clock.now())))
        self._count += 1
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def _remembers(self, mark: Mark) -> bool:
        """Whether all that comes after *mark* is kept here."""
        return mark.feed == self._name and all(mark.places.get(one, -1) >= at for one, at in self._base.items())

    def _since(self, read_at: int) -> int:
        return max(self._begun, read_at - COMES_WITHIN // timedelta(milliseconds=1))

    def _event(self, record: Received) -> tuple[str, bytes] | None:
        """Return type and data; None for what is no event, or another workspace's where two share a prefix."""
        if record.topic != "rep-presence" and record.headers.get("ce_source") != self._ours:
            return None
        try:
            incoming = decode(record)
        except InvalidEvent:
            return None
        if "ce_type" in record.headers and record.value is not None:
            return incoming.ce_type, record.value
        return incoming.ce_type, incoming.data.model_dump_json().encode()


def _partition(record: Received) -> str:
    return f"{record.topic}/{record.partition}"


def _later(had: Places, places: Places) -> Places:
    """Return the later offset of each partition: who was served from the log may be ahead of the feed."""
    behind = {one: at for one, at in had.items() if at > places.get(one, -1)}
    return {**places, **behind}


def _instant(millis: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=millis)
