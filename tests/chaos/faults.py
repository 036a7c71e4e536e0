"""All rows of the table, in its order."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos import clocks, disk, enricher, network, servers_away
from tests.chaos.fault import AFTER_A_DEATH, Fault, direct, nothing

_POISON = Fault(
    "poison",
    "A record that can never be processed among every hundred, of nine kinds by turns.",
    nothing,
    direct(2),
    AFTER_A_DEATH,
    poisoned=True,
)

FAULTS: Sequence[Fault] = (
    *servers_away.FAULTS,
    *network.FAULTS,
    *clocks.FAULTS,
    *disk.FAULTS,
    _POISON,
    *enricher.FAULTS,
)
