"""Which servers do not answer, as seen by whoever asked them last, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.table import DEPENDENCY_DOWN, DEPENDENCY_DOWN_SECONDS
from router.errors import DependencyDown

Dependency = Literal["redis", "log"]
DEPENDENCIES: Final[tuple[Dependency, ...]] = ("redis", "log")


class Outages:
    """
    What is known of the servers; each starts as one that answers, since a process that finds none does not start.

    Who asks has a name where several do: what a server answers one says nothing of what it refuses another, so it is
    back when all whom it failed have been answered.
    """

    def __init__(self, figures: Figures, clock: Callable[[], float] = time.monotonic) -> None:
        self._figures = figures
        self._clock = clock
        self._since: dict[Dependency, float] = {}
        self._unanswered: Mapping[Dependency, set[str]] = {one: set() for one in DEPENDENCIES}
        for one in DEPENDENCIES:
            figures.set(DEPENDENCY_DOWN, 0, one)
            figures.count(DEPENDENCY_DOWN_SECONDS, one, by=0)

    @property
    def down(self) -> frozenset[Dependency]:
        """The servers that do not answer."""
        return frozenset(self._since)

    @contextmanager
    def asking(self, dependency: Dependency, by: str = "") -> Iterator[None]:
        """Take a `DependencyDown` that comes out of this for the server's being away, and an end for its answer."""
        try:
            yield
        except DependencyDown:
            self.tell(dependency, answers=False, by=by)
            raise
        self.tell(dependency, answers=True, by=by)

    def tell(self, dependency: Dependency, *, answers: bool, by: str = "") -> None:
        """Note whether a server has just answered who asked it."""
        now, since, unanswered = self._clock(), self._since.get(dependency), self._unanswered[dependency]
        if since is not None:
            self._figures.count(DEPENDENCY_DOWN_SECONDS, dependency, by=now - since)
        if answers:
            unanswered.discard(by)
        else:
            unanswered.add(by)
        if unanswered:
            self._since[dependency] = now
            if since is None:
                self._figures.set(DEPENDENCY_DOWN, 1, dependency)
        elif since is not None:
            del self._since[dependency]
            self._figures.set(DEPENDENCY_DOWN, 0, dependency)
