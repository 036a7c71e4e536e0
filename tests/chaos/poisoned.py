"""The load of the large tests with a record in every hundred that can never be processed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle

from tests.e2e.scenario import Scenario, Timed

EVERY = 100


class Poisoned(Scenario):
    """A load like any other, with bad records of all kinds by turns between the good ones."""

    def submissions(self, start: datetime, over: timedelta) -> Sequence[Timed]:
        """Return the good ones in their order, and after every hundredth a bad one."""
        return list(self._mixed(start, over))

    def _mixed(self, start: datetime, over: timedelta) -> Iterator[Timed]:
        bad = cycle(self.poison(start, "nobody"))
        for place, good in enumerate(Scenario.submissions(self, start, over), 1):
            yield good
            if place % EVERY == 0:
                yield Timed(good.at, next(bad).record)
