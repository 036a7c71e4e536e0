"""The numbers of one process, in a registry of its own, under the names of the table."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from router.entrypoints.metrics.table import INFO, METRICS, Metric, Process

TEXT = CONTENT_TYPE_LATEST
"""The content type of `Figures.text`."""


class Figures:
    """
    What the *processes* of this program tell; `router up` is several.

    A metric of other processes is refused, and so are labels that the table does not name: both are mistakes in the
    program.
    """

    def __init__(self, *processes: Process) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each; restarts show by themselves
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        told = [metric for metric in METRICS if set(metric.processes) & set(processes)]
        self._made = {metric: _made(metric, self._registry) for metric in told}
        self._children: dict[tuple[Metric, tuple[str, ...]], Counter | Gauge | Histogram] = {}
        for process in processes:
            self.set(INFO, 1, process, _version())

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        counter = self._of(metric, labels)
        assert isinstance(counter, Counter)  # noqa: S101 - the table says so
        counter.inc(by)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Say what a gauge shows now."""
        gauge = self._of(metric, labels)
        assert isinstance(gauge, Gauge)  # noqa: S101 - the table says so
        gauge.set(value)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Add an observation to a histogram."""
        histogram = self._of(metric, labels)
        assert isinstance(histogram, Histogram)  # noqa: S101 - the table says so
        histogram.observe(value)

    def forget(self, metric: Metric) -> None:
        """Show nothing of a metric with labels any more, until it is said again."""
        self._made[metric].clear()
        self._children = {key: child for key, child in self._children.items() if key[0] is not metric}

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it."""
        return generate_latest(self._registry)

    def _of(self, metric: Metric, labels: tuple[str, ...]) -> Counter | Gauge | Histogram:
        """Return what keeps one metric under these labels; the library takes a microsecond to find it each time."""
        found = self._children.get((metric, labels))
        if found is None:
            made = self._made[metric]
            found = self._children[metric, labels] = made.labels(*labels) if metric.labels else made
        return found


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=registry)
    return (Counter if metric.kind == "counter" else Gauge)(
        metric.name, metric.meaning, metric.labels, registry=registry
    )


def _version() -> str:
    try:
        return version("speed-to-lead-router")
    except PackageNotFoundError:
        return "unknown"
