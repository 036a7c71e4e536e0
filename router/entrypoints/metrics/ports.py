"""
Wrappers of the pipeline's ports that count what passes through, and change nothing of it.

What a record says is read off its bytes: the router wrote them a moment ago, and to parse them again would cost more
than all the rest here. A name in quotes and a colon cannot stand inside a JSON string, where quotes are escaped.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from router.domain.ledger.verbs import Tick, Verb
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.metrics.table import (
    ASSIGN_SECONDS,
    BATCH_SECONDS,
    DEAD_LETTERS,
    DECISIONS,
    LEDGER_SECONDS,
    PUBLISH_SECONDS,
    PUBLISHED,
    RECEIVED,
    ROUNDS,
    TOUCH_SECONDS,
    UNASSIGNED,
)
from router.events import TOPIC_OF_TYPE
from router.ports import Applied, BatchHandler, Ledger, Outgoing, Publisher, Received

_DECIDED: Final = re.compile(rb'"stage":"(\w+)".*?"to":"(\w+)"')
_ASSIGNED: Final = re.compile(rb'"attempt":1,.*?"at":"([^"]+)","submitted_at":"([^"]+)"')
_TOUCHED: Final = re.compile(rb'"submitted_at":"([^"]+)".*"acted_at":"([^"]+)"')
_REASON: Final = re.compile(rb'"reason":"(\w+)"')
_REJECTED: Final = re.compile(rb'"code":"(\w+)"')


class MeasuredPublisher:
    """Counts what the log has taken; implements `router.ports.Publisher`."""

    def __init__(self, inner: Publisher, figures: Figures, outages: Outages) -> None:
        self._inner = inner
        self._figures = figures
        self._outages = outages
        for kind in TOPIC_OF_TYPE:
            figures.count(PUBLISHED, kind, by=0)  # for an alert to see the first of them
        self._more: Mapping[bytes, Callable[[Outgoing], None]] = {
            b"lead.decided.v1": self._decided,
            b"lead.assigned.v1": self._assigned,
            b"lead.unassigned.v1": self._unassigned,
            b"lead.touched.v1": self._touched,
            b"event.rejected.v1": self._rejected,
        }

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish *records*, and count them where that went well."""
        began = time.perf_counter()
        with self._outages.asking("log"):
            await self._inner.publish(records)
        self._figures.observe(PUBLISH_SECONDS, time.perf_counter() - began)
        kinds: Counter[bytes] = Counter()
        for record in records:
            kind = record.headers.get("ce_type", b"")
            kinds[kind] += 1
            if (more := self._more.get(kind)) is not None:
                more(record)
        for kind, count in kinds.items():
            self._figures.count(PUBLISHED, kind.decode() or "other", by=count)

    async def aclose(self) -> None:
        """Close what is measured."""
        await self._inner.aclose()

    def _decided(self, record: Outgoing) -> None:
        if found := _DECIDED.search(record.value or b""):
            self._figures.count(DECISIONS, found[1].decode(), found[2].decode())

    def _assigned(self, record: Outgoing) -> None:
        if found := _ASSIGNED.search(record.value or b""):
            self._figures.observe(ASSIGN_SECONDS, _between(found[2], found[1]))

    def _unassigned(self, record: Outgoing) -> None:
        if found := _REASON.search(record.value or b""):
            self._figures.count(UNASSIGNED, found[1].decode())

    def _touched(self, record: Outgoing) -> None:
        if found := _TOUCHED.search(record.value or b""):
            self._figures.observe(TOUCH_SECONDS, _between(found[1], found[2]))

    def _rejected(self, record: Outgoing) -> None:
        if found := _REJECTED.search(record.value or b""):
            self._figures.count(DEAD_LETTERS, (record.key or b"").decode(), found[1].decode())


class MeasuredLedger:
    """Times the calls of the ledger; implements `router.ports.Ledger`."""

    def __init__(self, inner: Ledger, figures: Figures, outages: Outages, progress: Progress) -> None:
        self._inner = inner
        self._figures = figures
        self._outages = outages
        self._progress = progress

    async def apply(self, verbs: Sequence[Verb]) -> Sequence[Applied]:
        """Apply *verbs*, and say how long that took."""
        began = time.perf_counter()
        if verbs and isinstance(verbs[-1], Tick):
            self._progress.round("tick")
        with self._outages.asking("redis"):
            answers = await self._inner.apply(verbs)
        if verbs:
            verb = verbs[-1]  # what is told of audiences stands before what needs them
            self._figures.observe(LEDGER_SECONDS, time.perf_counter() - began, verb.verb)
            if isinstance(verb, Tick):
                self._figures.count(ROUNDS, "tick")
        return answers

    async def published(self, applied: Sequence[Applied]) -> None:
        """Take *applied* out of the outbox."""
        await self._inner.published(applied)

    def give_up(self) -> None:
        """Leave what is not published to the sweep."""
        self._inner.give_up()

    async def abandoned(self, after: bytes = b"") -> Sequence[Applied]:
        """Return what a dead process left, and count the round where it begins."""
        self._progress.round("sweep")
        with self._outages.asking("redis"):
            left = await self._inner.abandoned(after)
        if not after:
            self._figures.count(ROUNDS, "sweep")
        return left


def measured(handlers: Mapping[str, BatchHandler], figures: Figures, progress: Progress) -> dict[str, BatchHandler]:
    """Return *handlers* such that what they take to its end is counted."""

    def of(topic: str, handle: BatchHandler) -> BatchHandler:
        async def counted(records: Sequence[Received]) -> None:
            began = time.perf_counter()
            with progress.batch(topic):
                await handle(records)
            figures.observe(BATCH_SECONDS, time.perf_counter() - began, topic)
            figures.count(RECEIVED, topic, by=len(records))

        return counted

    return {topic: of(topic, handle) for topic, handle in handlers.items()}


def _between(earlier: bytes, later: bytes) -> float:
    spent = datetime.fromisoformat(later.decode()) - datetime.fromisoformat(earlier.decode())
    return max(0.0, spent.total_seconds())
