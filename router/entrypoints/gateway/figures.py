"""What the gateway counts of its calls; no label carries what somebody sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.table import ACCEPTED, REPEATED, REQUEST_SECONDS, REQUESTS, STREAMS


class HttpFigures:
    """The metrics of one application, among those of its process."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self.open_streams = 0

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer; *route* is the path with its parameters unfilled."""
        self._figures.count(REQUESTS, method, route, str(status))
        self._figures.observe(REQUEST_SECONDS, seconds, route)

    def accepted(self, topic: str, count: int) -> None:
        """Count events that the log has taken."""
        self._figures.count(ACCEPTED, topic, by=count)

    def repeated(self, count: int) -> None:
        """Count submissions that were known."""
        self._figures.count(REPEATED, by=count)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a stream while it is open."""
        self._turn(1)
        try:
            yield
        finally:
            self._turn(-1)

    def text(self) -> bytes:
        """Return all of the process's figures as Prometheus reads them."""
        return self._figures.text()

    def _turn(self, by: int) -> None:
        self.open_streams += by
        self._figures.set(STREAMS, self.open_streams)
