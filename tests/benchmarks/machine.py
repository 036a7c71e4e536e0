"""Names the machine that a figure was taken on: a number without it says nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def machine() -> str:
    """Say on what was measured."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = (line for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name"))
        model = next(named, model).partition(":")[2].strip() or model
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {python}, {platform.system()}, all servers on loopback"
