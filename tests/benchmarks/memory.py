"""How much memory a process holds."""

from __future__ import annotations

from pathlib import Path

MIB = 2**20


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB; raises `FileNotFoundError` where the system has no /proc."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    message = f"process {pid} has ended"
    raise RuntimeError(message)
