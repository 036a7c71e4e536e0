"""Whether what is in work goes on: when each batch began, when each round last came round, what waits untaken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count


class Progress:
    """
    What this process has in work, and since when.

    Its time is what `elapse` is told of: that in which the process ran and its servers answered. To be stopped, or to
    wait for a server, is no standing still. An answer is a name and for how many seconds.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = count()
        self._in_work: dict[int, tuple[str, float]] = {}
        self._rounds: dict[str, float] = {}
        self._untaken: dict[str, float] = {}

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    @contextmanager
    def batch(self, topic: str) -> Iterator[None]:
        """Have a batch of *topic* in work."""
        number = next(self._numbers)
        self._in_work[number] = (topic, self._now)
        try:
            yield
        finally:
            del self._in_work[number]
            self._untaken.pop(topic, None)

    def round(self, name: str) -> None:
        """Note that a round begins again, so that the one before has ended."""
        self._rounds[name] = self._now

    def behind(self, lags: Mapping[str, int]) -> None:
        """Note how many records of each topic are not yet taken to their end."""
        taken_up = {topic for topic, _ in self._in_work.values()}
        for topic, lag in lags.items():
            if lag > 0 and topic not in taken_up:
                self._untaken.setdefault(topic, self._now)
            else:
                self._untaken.pop(topic, None)

    def latest_round(self) -> tuple[str, float]:
        """Return the round that began longest ago; one without a name where there is none."""
        return self._longest(self._rounds.items())

    def longest_in_work(self) -> tuple[str, float]:
        """Return the topic of the batch that has been in work for longest."""
        return self._longest(self._in_work.values())

    def longest_untaken(self) -> tuple[str, float]:
        """Return the topic of which there has been input for longest of which nothing was taken."""
        return self._longest(self._untaken.items())

    def _longest(self, began: Iterable[tuple[str, float]]) -> tuple[str, float]:
        name, first = min(began, key=lambda one: one[1], default=("", self._now))
        return name, self._now - first
