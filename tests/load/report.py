"""What a run under load amounts to, for people and for docs/chaos.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from router.domain.audit import Report
from tests.benchmarks.machine import machine
from tests.e2e.play import Played
from tests.load.sampling import MB, Sample, Samples, slope

MINUTE = 60.0


def percentile(values: Sequence[float], share: float) -> float:
    """
    Return a percentile by nearest rank; 0 of nothing.

    >>> percentile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One run.

    * **moments** - for each submission when it was sent, since the start, and its delay: seconds until it was seen
      with a rep, in a queue, or decided.
    """

    title: str
    seconds: float
    moments: Sequence[tuple[float, float]]
    samples: Sequence[Sample]
    report: Report
    again: int
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether all came to its end and no promise was broken."""
        return self.report.holds and not self.problem

    def rows(self) -> Sequence[tuple[str, str]]:
        """Return the figures, each with its name."""
        delays = [delay for _, delay in self.moments]
        counts = self.report.counts
        return [
            ("submissions", f"{counts.submissions:,}"),
            ("input records", f"{sum(counts.records.values()):,}"),
            ("assignments", f"{counts.assignments.get('assigned', 0):,}"),
            ("submission to assigned, queued or decided: p50", _ms(percentile(delays, 0.5))),
            ("the same: p99", _ms(percentile(delays, 0.99))),
            ("the same: longest", _ms(max(delays, default=0.0))),
            (
                "lag: submissions without a decision, at most",
                f"{max((s.undecided for s in self.samples), default=0):,}",
            ),
            ("queue: leads that wait, at most", f"{max((s.waiting for s in self.samples), default=0):,}"),
            ("clocks breached, of all", f"{counts.clocks.get('breached', 0):,} of {_clocks(self.report):,}"),
            ("published again", f"{self.again:,}"),
            ("promises broken", ", ".join(f"{n} of {p}" for p, n in self.report.found.items()) or "none"),
        ]

    def drift(self) -> Sequence[tuple[str, str, str, str]]:
        """Return what changes with time: its name, first quarter, last quarter, slope a minute."""
        within = [(at, delay) for at, delay in self.moments if at <= self.seconds]
        first = [delay for at, delay in within if at < self.seconds / 4]
        last = [delay for at, delay in within if at >= self.seconds * 3 / 4]
        rows = [
            (f"delay, {name}", _ms(percentile(first, share)), _ms(percentile(last, share)), f"{1000 * grows:+.2f} ms")
            for name, share in (("p50", 0.5), ("p99", 0.99))
            for grows in [slope(self._by_minute(within, share))]
        ]
        steady = [sample for sample in self.samples if sample.at <= self.seconds]
        if steady:
            grown = [("Valkey, used_memory", [(float(s.at), float(s.redis)) for s in steady])]
            grown += [
                (f"worker {number + 1}, memory", [(s.at, float(s.workers[number])) for s in steady])
                for number in range(len(steady[0].workers))
            ]
            rows += [_memory(name, points) for name, points in grown]
        return rows

    def _by_minute(self, moments: Sequence[tuple[float, float]], share: float) -> Sequence[tuple[float, float]]:
        minutes: dict[int, list[float]] = {}
        for at, delay in moments:
            minutes.setdefault(int(at // MINUTE), []).append(delay)
        return [(minute, percentile(delays, share)) for minute, delays in sorted(minutes.items())]

    def markdown(self, conditions: str) -> str:
        """Return the tables of docs/chaos.md."""
        parts = [
            f"{self.title} {machine()}. {conditions}",
            _table(("", ""), self.rows()),
            _table(("", "first quarter", "last quarter", "a minute"), self.drift()),
        ]
        return "\n\n".join(parts)


def figures(title: str, seconds: float, played: Played, samples: Samples, report: Report, problem: str) -> Figures:
    """Put together what a run left behind."""
    began = min(played.sent.values(), default=0.0)
    settled = played.settled
    moments = [(sent - began, settled[name] - sent) for name, sent in played.sent.items() if name in settled]
    return Figures(title, seconds, sorted(moments), samples.taken, report, played.published_again, problem)


def _clocks(report: Report) -> int:
    counts = report.counts.clocks
    return sum(count for end, count in counts.items() if end != "resolved")  # a resolved one is breached too


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:,.0f} ms"


def _memory(name: str, points: Sequence[tuple[float, float]]) -> tuple[str, str, str, str]:
    quarter = max(1, len(points) // 4)
    first, last = (median(size for _, size in part) / MB for part in (points[:quarter], points[-quarter:]))
    grows = MINUTE * slope(points) / MB
    return name, f"{first:.1f} MB", f"{last:.1f} MB", f"{grows:+.2f} MB"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
