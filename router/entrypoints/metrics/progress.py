"""Whether what is in work goes on: when each batch began, and when each round last came round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count


class Progress:
    """What this process has in work. An instant here is one of *clock*."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._numbers = count()
        self._in_work: dict[int, tuple[str, float]] = {}
        self._ended: dict[str, float] = {}
        self._rounds: dict[str, float] = {}

    @contextmanager
    def batch(self, topic: str) -> Iterator[None]:
        """Have a batch of *topic* in work."""
        number = next(self._numbers)
        self._in_work[number] = (topic, self._clock())
        try:
            yield
        finally:
            del self._in_work[number]
            self._ended[topic] = self._clock()

    def round(self, name: str) -> None:
        """Note that a round begins again, so that the one before has ended."""
        self._rounds[name] = self._clock()

    def longest_in_work(self, since: float) -> tuple[str, float] | None:
        """Return the topic of the batch that is longest in work, and for how many seconds, counted from *since*."""
        if not self._in_work:
            return None
        topic, began = min(self._in_work.values(), key=lambda one: one[1])
        return topic, self._clock() - max(began, since)

    def idle_for(self, topic: str, since: float) -> float:
        """Return for how many seconds no batch of *topic* has been in work, counted from *since*."""
        if any(at_work == topic for at_work, _ in self._in_work.values()):
            return 0.0
        return self._clock() - max(self._ended.get(topic, since), since)

    def latest_round(self, since: float) -> tuple[str, float] | None:
        """Return the round that began longest ago, and how many seconds ago, counted from *since*."""
        if not self._rounds:
            return None
        name, began = min(self._rounds.items(), key=lambda one: one[1])
        return name, self._clock() - max(began, since)
