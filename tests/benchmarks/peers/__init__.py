"""
What the worker is measured beside: frameworks doing the bare job, each written as its own documentation shows.

Each program parses a submission, makes one Lua claim and sends two records, and
runs until it is killed. FastStream and quixstreams have an environment of their
own (`make bench-peers`): quixstreams holds pydantic at an older release.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWN_PYTHON = Path(".venv-bench/bin/python")
HOW_TO_INSTALL = "make bench-peers"

_VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Peer:
    """One program: the module that it is, the package that it shows, and how many events it takes at once."""

    name: str
    module: str
    package: str
    at_once: int = 1

    @property
    def version(self) -> str | None:
        """The version that is installed; None where it is not."""
        return _version(self.package)

    @property
    def title(self) -> str:
        """How it is called in a table."""
        how = "one by one" if self.at_once == 1 else f"{self.at_once} at once"
        return f"{self.name} {self.version}, {how}"


def python() -> str:
    """Return the interpreter that peers run on: that of their own environment, where it is there."""
    return str(OWN_PYTHON) if OWN_PYTHON.exists() else sys.executable


@cache
def _version(package: str) -> str | None:
    found = subprocess.run([python(), "-c", _VERSION, package], capture_output=True, text=True, check=False, timeout=30)
    return found.stdout.strip() if found.returncode == 0 else None


PEERS = (
    Peer("FastStream", "by_faststream", "faststream"),
    Peer("FastStream", "by_faststream", "faststream", 32),
    Peer("Faust", "by_faust", "faust-streaming"),
    Peer("Faust", "by_faust", "faust-streaming", 16),
    Peer("quixstreams", "by_quixstreams", "quixstreams"),
)
