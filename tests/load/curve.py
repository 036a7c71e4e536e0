"""
How submissions are spread over a day: by the calls that a bank got in each five minutes, and by bursts.

The figures are read from the data beside the project and are no part of it.
"""

from __future__ import annotations

import csv
import dataclasses
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from tests.e2e.scenario import Scenario
from tests.e2e.scenario_companies import DATA

BURST_TIMES = 10.0
"""How many times as many come in a burst."""

BURST_LASTS = 1.5 / 169
"""The share of a day that a burst takes: seven or eight minutes of it."""

FULL_DAY = 169
"""Five-minute spans of a day in the data, from seven to nine in the evening."""


@dataclass(frozen=True, slots=True)
class Day:
    """Weights of equally long spans of a day; what falls into which follows from them."""

    weights: tuple[float, ...]

    @classmethod
    def drawn(cls, draw: random.Random, data: Path = DATA) -> Day:
        """Draw one of the full days."""
        days: dict[str, list[float]] = {}
        with (data / "arrivals" / "bank_calls_5min.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                days.setdefault(row["DateTime"].partition(" ")[0], []).append(float(row["Calls"] or 0))
        return cls(tuple(draw.choice([calls for calls in days.values() if len(calls) == FULL_DAY])))

    def with_bursts(self, draw: random.Random, count: int) -> Day:
        """Return the day with so many bursts, each in a part of the day of its own."""
        fine = [weight for weight in self.weights for _ in range(10)]
        length = max(1, round(BURST_LASTS * len(fine)))
        for number in range(count):
            part = len(fine) // count
            start = number * part + draw.randrange(max(1, part - length))
            for place in range(start, start + length):
                fine[place] *= BURST_TIMES
        return Day(tuple(fine))

    def moment(self, share: float) -> float:
        """
        Return when, from 0 to below 1, so large a share of the day's submissions has come.

        >>> Day((1.0, 3.0)).moment(0.25), Day((1.0, 3.0)).moment(0.625)
        (0.5, 0.75)
        """
        sums = list(accumulate(self.weights, initial=0.0))
        wanted = share * sums[-1]
        place = min(bisect_right(sums, wanted), len(sums) - 1) - 1
        return (place + (wanted - sums[place]) / self.weights[place]) / len(self.weights)

    def spread(self, scenario: Scenario) -> Scenario:
        """Return *scenario* with the same submissions in the same order, at the moments of this day."""
        moments = self._moments([form.share for form in scenario.forms])
        forms = [dataclasses.replace(form, share=moment) for form, moment in zip(scenario.forms, moments, strict=True)]
        return dataclasses.replace(scenario, forms=tuple(forms))

    def _moments(self, shares: Sequence[float]) -> Sequence[float]:
        return [self.moment(share) for share in shares]
