"""Which servers do not answer, as seen by whoever asked them last, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.table import DEPENDENCY_DOWN, DEPENDENCY_DOWN_SECONDS
from router.errors import DependencyDown

Dependency = Literal["redis", "log"]
DEPENDENCIES: Final[tuple[Dependency, ...]] = ("redis", "log")


class Outages:
    """What is known of the servers; each starts as one that answers, since a process that finds none does not start."""

    def __init__(self, figures: Figures, clock: Callable[[], float] = time.monotonic) -> None:
        self._figures = figures
        self._clock = clock
        self._since: dict[Dependency, float] = {}
        for one in DEPENDENCIES:
            figures.set(DEPENDENCY_DOWN, 0, one)
            figures.count(DEPENDENCY_DOWN_SECONDS, one, by=0)

    @property
    def down(self) -> frozenset[Dependency]:
        """The servers that do not answer."""
        return frozenset(self._since)

    @contextmanager
    def asking(self, dependency: Dependency) -> Iterator[None]:
        """Take a `DependencyDown` that comes out of this for the server's being away, and an end for its answer."""
        try:
            yield
        except DependencyDown:
            self.tell(dependency, answers=False)
            raise
        self.tell(dependency, answers=True)

    def tell(self, dependency: Dependency, *, answers: bool) -> None:
        """Note whether a server has just answered."""
        now, since = self._clock(), self._since.get(dependency)
        if since is not None:
            self._figures.count(DEPENDENCY_DOWN_SECONDS, dependency, by=now - since)
        if answers:
            if self._since.pop(dependency, None) is not None:
                self._figures.set(DEPENDENCY_DOWN, 0, dependency)
            return
        if since is None:
            self._figures.set(DEPENDENCY_DOWN, 1, dependency)
        self._since[dependency] = now
