"""
Proves the contract's promises by what stands on the topics, with no look inside the system that wrote it.

Each promise has its module: `lost`, `unheard` and `order` (1), `owner` (2), `capacity` (3),
`availability` (4), `clocks` (5), `repeats` and `history` (7). `stream.Auditor` runs them all over
records as they come, in bounded memory; `whole.audit` over a history that is there already.
Reading the topics is left to the caller.
"""

from router.domain.audit.counts import Counts, Spread
from router.domain.audit.filing import Window
from router.domain.audit.observed import Observed, Tolerance, Violation
from router.domain.audit.report import Report
from router.domain.audit.roster import Roster, RosterRep
from router.domain.audit.stream import Auditor
from router.domain.audit.whole import audit

__all__ = [
    "Auditor",
    "Counts",
    "Observed",
    "Report",
    "Roster",
    "RosterRep",
    "Spread",
    "Tolerance",
    "Violation",
    "Window",
    "audit",
]
