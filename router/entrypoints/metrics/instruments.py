"""All that one process measures itself with, made once at its start."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from redis.asyncio import Redis

from router.adapters.redis.deliveries import Deliveries
from router.bootstrap import Log
from router.entrypoints.metrics.deliveries import MeasuredDeliveries
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.ports import MeasuredLedger, MeasuredPublisher, measured
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.metrics.table import LOOP_LAG, Process
from router.entrypoints.metrics.vitals import Vitals
from router.entrypoints.self_watch.loop import LoopWatch
from router.entrypoints.self_watch.standing import standing, until_it_stands
from router.errors import Stands
from router.ports import BatchHandler, Ledger, Publisher, Source
from router.settings import Settings

NOT_READY: Final = 0.25
"""The share of its time that something has stood for when the process says that it is not ready."""


class Instruments:
    """
    What this program measures as one or several *processes*.

    * **figures** - the numbers; **outages** - which servers do not answer; **progress** - what is in work;
      **loop** - whether the event loop turns.
    """

    def __init__(self, *processes: Process) -> None:
        self.figures = Figures(*processes)
        self.outages = Outages(self.figures)
        self.progress = Progress()
        self.loop = LoopWatch(lambda late: self.figures.observe(LOOP_LAG, late))

    def publisher(self, inner: Publisher) -> Publisher:
        """Return *inner*, measured."""
        return MeasuredPublisher(inner, self.figures, self.outages)

    def log(self, inner: Log) -> Log:
        """Return *inner* with its publisher measured."""
        return replace(inner, publisher=self.publisher(inner.publisher))

    def ledger(self, inner: Ledger) -> Ledger:
        """Return *inner*, measured."""
        return MeasuredLedger(inner, self.figures, self.outages, self.progress)

    def deliveries(self, client: Redis, workspace: str) -> Deliveries:
        """Return the queue of *workspace*, measured."""
        return MeasuredDeliveries(client, workspace, self.outages)

    def handlers(self, inner: Mapping[str, BatchHandler]) -> dict[str, BatchHandler]:
        """Return *inner*, measured."""
        return measured(inner, self.figures, self.progress)

    def vitals(self, redis: Redis, log: Log, source: Source) -> Vitals:
        """Return what looks around."""
        return Vitals(self.figures, self.outages, self.progress, redis=redis, tail=log.tail, source=source)

    def health(self) -> Mapping[str, bool]:
        """Say whether log and Redis answer, and what is in work goes on."""
        down = self.outages.down
        goes_on = not standing(self.progress, NOT_READY)
        return {"log": "log" not in down, "redis": "redis" not in down, "consumer": goes_on}

    def beside(self, settings: Settings) -> Sequence[Awaitable[None]]:
        """Return what runs beside the work: the watch over it, and what shows the figures where settings say so."""
        watch = [self.loop.beat(), self._until_it_stands()]
        if settings.metrics_address is None:
            return watch
        from router.entrypoints.metrics.serve import serve_metrics  # noqa: PLC0415 - 0.1 s for who shows none

        return [*watch, serve_metrics(settings.metrics_address, self.figures, self.health)]

    async def _until_it_stands(self) -> None:
        try:
            await until_it_stands(self.progress, self.outages)
        except Stands:
            self.loop.end_within()  # what stands may not let itself be ended
            raise
