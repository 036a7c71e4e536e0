"""
How long a consumer may begin again and again without coming to a record.

To begin again helps where a connection or a join broke. Where it does not help for long, though a broker answers, what
is broken is in this process or in how the broker knows it; a new process has none of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from router.adapters.kafka.admin import KafkaAdmin
from router.errors import DependencyDown, Stands

LASTS = 120.0  # seconds; a group that all members left settles within REBALANCE and a session, twenty
WENT_WELL = 90.0  # seconds; a run that stands is ended within sixty, so one that lasted longer had nothing to read


class Patience:
    """Counts the time of runs that came to nothing, one after the other."""

    def __init__(self, admin: KafkaAdmin, topics: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._admin = admin
        self._topics = topics
        self._clock = clock
        self._since: float | None = None

    async def after(self, problem: BaseException | None, *, lasted: float, handled: bool) -> None:
        """
        Note a run that *lasted* some seconds and ended with *problem*; raises `Stands` after too long a row of them.

        * **handled** - whether it came to a record.
        """
        if handled or lasted > WENT_WELL or not await self._is_there():
            self._since = None
            return
        now = self._clock()
        if self._since is None:
            self._since = now
        elif now - self._since > LASTS:
            message = (
                f"The consumer of Kafka has come to no record for {now - self._since:.0f} s, though a broker answers; "
                f"it ended with {problem!r} the last time. Start this process again."
            )
            raise Stands(message) from problem

    async def _is_there(self) -> bool:
        try:
            return bool(await self._admin.partitions(self._topics))
        except DependencyDown:
            return False
