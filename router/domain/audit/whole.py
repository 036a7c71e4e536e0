"""Judges a whole history at once: everything is shown to an auditor, which forgets nothing until its end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from router.domain.audit.observed import Observed, Tolerance
from router.domain.audit.report import Report
from router.domain.audit.roster import Roster
from router.domain.audit.stream import Auditor


def audit(
    events: Iterable[Observed],
    roster: Roster,
    *,
    until: datetime,
    strict_end: bool,
    tolerance: Tolerance | None = None,
    topic_prefix: str = "",
) -> Report:
    """
    Judge promises 1 to 5 and 7 by what stands on the topics.

    * **events** - the records of all topics from the beginning, in any order, with any repeats. Where the system
      still runs, read inputs before outputs.
    * **roster** - of every policy that was in force.
    * **until** - the time of reading.
    * **strict_end** - everything should have come to its end: nothing may still be on its way, no clock open.
    * **topic_prefix** - `ROUTER_TOPIC_PREFIX`, which dead letters repeat.

    **Returns** violations and totals. Promises 6, 8, 9 and 10 do not show on the topics alone.
    """
    auditor = Auditor(roster, tolerance=tolerance, topic_prefix=topic_prefix)
    for observed in events:
        auditor.see(observed)
    return auditor.finish(until, strict_end=strict_end)
