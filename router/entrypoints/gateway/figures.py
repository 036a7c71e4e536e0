"""The gateway's metrics, each with its unit and meaning; no label carries what somebody sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Figures:
    """The metrics of one application, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "router_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "router_http_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._accepted = Counter(
            "router_http_events_accepted", "Events that the log has taken.", ("topic",), registry=self._registry
        )
        self._repeated = Counter(
            "router_http_submissions_repeated", "Submissions answered as duplicates.", registry=self._registry
        )
        self._streams = Gauge("router_http_streams", "Streams that are open.", registry=self._registry)
        self.open_streams = 0

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; *route* is the path with its parameters unfilled."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def accepted(self, topic: str, count: int) -> None:
        """Count events that the log has taken."""
        self._accepted.labels(topic).inc(count)

    def repeated(self, count: int) -> None:
        """Count submissions that were known."""
        self._repeated.inc(count)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream while it is open."""
        self.open_streams += 1
        self._streams.inc()
        try:
            yield
        finally:
            self.open_streams -= 1
            self._streams.dec()

    def text(self) -> bytes:
        """Return all of them as Prometheus reads it."""
        return generate_latest(self._registry)
