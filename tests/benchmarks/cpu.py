"""CPU time of processes: what counts where servers, worker and generator share a few cores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_USER, _SYSTEM = 13, 14  # places in /proc/<pid>/stat, from 0
_TICKS = os.sysconf("SC_CLK_TCK")


class Spending:
    """What processes, named, have spent since this was made; nothing where the system has no `/proc`."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids if Path("/proc/self/stat").exists() else {}
        self._before = self._now()

    def a_lead(self, leads: int) -> Mapping[str, float]:
        """Return it in µs a lead."""
        return {name: (spent - self._before[name]) / leads * 1e6 for name, spent in self._now().items()}

    def _now(self) -> Mapping[str, float]:
        return {name: _seconds(pid) for name, pid in self._pids.items()}


def _seconds(pid: int) -> float:
    told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    fields = told.rpartition(")")[2].split()  # the name before may hold anything
    return (int(fields[_USER - 2]) + int(fields[_SYSTEM - 2])) / _TICKS
