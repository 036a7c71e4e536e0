"""Puts what the watchdog sees into the figures that its process shows."""

from __future__ import annotations

from collections import Counter
from typing import Final

from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.metrics.outages import Dependency
from router.entrypoints.metrics.table import METRICS, Metric
from router.entrypoints.watchdog.readings import Readings

_BY_NAME: Final = {metric.name: metric for metric in METRICS}
_SERVERS: Final[tuple[Dependency, ...]] = ("log", "redis")


class Gauges:
    """The figures of one watchdog; what it counts since its start goes into counters by what is new."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._counted: Counter[tuple[Metric, tuple[str, ...]]] = Counter()

    def show(self, readings: Readings) -> None:
        """Show the last look at everything."""
        figures = self._instruments.figures
        for server in _SERVERS:
            self._instruments.outages.tell(server, answers=readings.healthy.get(server, True))
        for name, labels, value in readings.rows():
            metric = _BY_NAME[name]
            if metric.kind == "counter":
                figures.count(metric, *labels, by=value - self._counted[metric, labels])
                self._counted[metric, labels] = int(value)
            else:
                figures.set(metric, value, *labels)
