"""All that one process measures itself with, made once at its start."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace

from redis.asyncio import Redis

from router.bootstrap import Log
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.ports import MeasuredLedger, MeasuredPublisher, measured
from router.entrypoints.metrics.progress import Progress
from router.entrypoints.metrics.table import Process
from router.entrypoints.metrics.vitals import Vitals
from router.ports import BatchHandler, Ledger, Publisher, Source
from router.settings import Settings


class Instruments:
    """
    What this program measures as one or several *processes*.

    * **figures** - the numbers; **outages** - which servers do not answer; **progress** - what is in work.
    """

    def __init__(self, *processes: Process) -> None:
        self.figures = Figures(*processes)
        self.outages = Outages(self.figures)
        self.progress = Progress()

    def publisher(self, inner: Publisher) -> Publisher:
        """Return *inner*, measured."""
        return MeasuredPublisher(inner, self.figures, self.outages)

    def log(self, inner: Log) -> Log:
        """Return *inner* with its publisher measured."""
        return replace(inner, publisher=self.publisher(inner.publisher))

    def ledger(self, inner: Ledger) -> Ledger:
        """Return *inner*, measured."""
        return MeasuredLedger(inner, self.figures, self.outages, self.progress)

    def handlers(self, inner: Mapping[str, BatchHandler]) -> dict[str, BatchHandler]:
        """Return *inner*, measured."""
        return measured(inner, self.figures, self.progress)

    def vitals(self, redis: Redis, log: Log, source: Source) -> Vitals:
        """Return what looks around."""
        return Vitals(self.figures, self.outages, redis, log.tail, source)

    def health(self) -> Mapping[str, bool]:
        """Say whether log and Redis answer, and what is in work goes on."""
        down = self.outages.down
        return {"log": "log" not in down, "redis": "redis" not in down}

    def shown(self, settings: Settings) -> Sequence[Awaitable[None]]:
        """Return what must run for the figures to be shown, where the settings say so."""
        if settings.metrics_address is None:
            return []
        from router.entrypoints.metrics.serve import serve_metrics  # noqa: PLC0415 - 0.1 s for who shows none

        return [serve_metrics(settings.metrics_address, self.figures, self.health)]
