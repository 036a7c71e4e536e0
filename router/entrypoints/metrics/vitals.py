"""Looks around every few seconds: how much waits, whether the servers answer, how far this process is behind."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Final

import structlog
from redis.asyncio import Redis

from router.adapters.redis.depths import Depths, depths
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.metrics.table import (
    CALENDAR_HORIZON,
    INPUT_LAG,
    OPEN,
    OUTBOX,
    OUTBOX_OLDEST,
    POLICY,
    REDIS_MEMORY,
    REDIS_MEMORY_LIMIT,
    TIMERS_OVERDUE,
    WAITING,
    WAITING_OLDEST,
)
from router.errors import DependencyDown
from router.pipeline.work import InForce
from router.ports import Source, Tail

log = structlog.get_logger()

LOOKS_EVERY: Final = 5.0  # seconds
LOG_EVERY: Final = 3
"""Looks from one question to the log to the next: on Kafka each opens a connection."""

ANSWERS_WITHIN: Final = 10.0  # seconds
SEEN_ON: Final = "rep-presence"
"""Whose newest record is asked for, to see whether the log answers; it is small."""


class Vitals:
    """Keeps gauges of what cannot be counted as it passes, and tells *progress* how far *source* is behind."""

    def __init__(
        self,
        figures: Figures,
        outages: Outages,
        progress: Progress,
        *,
        redis: Redis,
        tail: Tail,
        source: Source,
    ) -> None:
        self._figures = figures
        self._outages = outages
        self._progress = progress
        self._redis = redis
        self._tail = tail
        self._source = source

    async def run(self, workspace: str = "", in_force: InForce | None = None) -> None:
        """
        Look for ever; with *in_force*, at the ledger of *workspace* and its policy too.

        That Redis answers is told by the calls of who works with it: one that takes no writes answers a look, too.
        """
        looks = 0
        while True:
            try:
                if in_force is not None:
                    await self._look_at_ledger(workspace)
                if looks % LOG_EVERY == 0:
                    await self._look_at_log()
                await self._look_at_source()
            except Exception:
                log.exception("vitals.failed")  # to look is no reason to end the work
            if in_force is not None:
                self._figures.forget(POLICY)
                self._figures.set(POLICY, 1, in_force.version)
            looks += 1
            await asyncio.sleep(LOOKS_EVERY * random.uniform(0.8, 1.0))  # noqa: S311 - jitter

    async def _look_at_ledger(self, workspace: str) -> None:
        try:
            self._show(await depths(self._redis, workspace))
        except DependencyDown:
            self._outages.tell("redis", answers=False)

    async def _look_at_log(self) -> None:
        with suppress(DependencyDown), self._outages.asking("log"):
            await self._tail.last(SEEN_ON, 1)

    async def _look_at_source(self) -> None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                lags = await self._source.lag()
        except (DependencyDown, TimeoutError):
            return  # nobody knows how far it is behind; the figures stay what they were
        self._progress.behind(lags)
        for topic, behind in lags.items():
            self._figures.set(INPUT_LAG, behind, topic)

    def _show(self, seen: Depths) -> None:
        values = {
            OPEN: seen.open,
            WAITING: seen.waiting,
            WAITING_OLDEST: seen.waiting_oldest,
            OUTBOX: seen.outbox,
            OUTBOX_OLDEST: seen.outbox_oldest,
            TIMERS_OVERDUE: seen.timers_overdue,
            REDIS_MEMORY: seen.memory,
            REDIS_MEMORY_LIMIT: seen.memory_limit,
        }
        for metric, value in values.items():
            self._figures.set(metric, value)
        if seen.calendar_horizon is not None:
            self._figures.set(CALENDAR_HORIZON, seen.calendar_horizon)
