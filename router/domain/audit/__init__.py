"""
Proves the contract's promises by what stands on the topics, with no look inside the system that wrote it.

Each promise has its module: `lost` and `unheard` (1), `owner` (2), `capacity` (3),
`availability` (4), `clocks` (5), `repeats` and `history` (7). `report.audit` runs them all.
Reading the topics is left to the caller.
"""

from router.domain.audit.counts import Counts, Spread
from router.domain.audit.observed import Observed, Tolerance, Violation
from router.domain.audit.report import Report, audit
from router.domain.audit.roster import Roster, RosterRep

__all__ = ["Counts", "Observed", "Report", "Roster", "RosterRep", "Spread", "Tolerance", "Violation", "audit"]
