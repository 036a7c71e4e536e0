"""What the watchdog shows, under the names of the metrics table; how it is shown is left to whoever serves it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from router.adapters.redis.standing import Standing
from router.ports import Lag

Row = tuple[str, tuple[str, ...], float]
"""Name of the metric, its labels, its value."""


@dataclass(slots=True)
class Readings:
    """
    The last look at everything.

    * **violations** - breaks of each promise since the start of the process.
    * **clean_at** - when a look that read everything last found nothing: a dead watchdog and a broken promise look
      alike from outside.
    * **finished** - what was finished for others: `outbox`, `submission`.
    """

    violations: Counter[int] = field(default_factory=Counter)
    finished: Counter[str] = field(default_factory=Counter)
    lags: dict[tuple[str, str], int] = field(default_factory=dict)
    standing: Standing | None = None
    log_sequence: int = 0
    clean_at: datetime | None = None
    judged_until: datetime | None = None
    rounds: int = 0
    healthy: dict[str, bool] = field(default_factory=lambda: {"log": True, "redis": True})

    def behind(self, group: str, lags: tuple[Lag, ...]) -> None:
        """Take in how far a group is behind."""
        counts: Counter[str] = Counter()
        for lag in lags:
            counts[lag.topic] += lag.count
        self.lags |= {(group, topic): count for topic, count in counts.items()}

    def rows(self) -> Iterator[Row]:
        """Give all of it, as far as it is known."""
        for promise, count in self.violations.items():
            yield "router_violations_total", (str(promise),), count
        for (group, topic), count in self.lags.items():
            yield "router_consumer_lag", (group, topic), count
        if (seen := self.standing) is not None:
            yield "router_outbox_entries", (), seen.outbox
            yield "router_outbox_oldest_seconds", (), _age(seen.outbox_since, seen.at)
            yield "router_waiting_oldest_seconds", (), _age(seen.waiting_since, seen.at)
            yield "router_timers_overdue", (), seen.timers_overdue
            yield "router_ledger_log_sequence_gap", (), (seen.sequence or 0) - self.log_sequence
        if self.clean_at is not None:
            yield "router_watchdog_last_clean_pass_timestamp_seconds", (), self.clean_at.timestamp()


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
