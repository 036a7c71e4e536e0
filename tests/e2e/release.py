"""Another release of the router, made of this one: what a rolling deploy has beside the old one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.1"
FACT = "local function fact(kind, values)\n"
"""Where the library makes a fact."""


def next_release(folder: Path) -> Mapping[str, str]:
    """
    Copy the router to *folder*, change its Lua library and its version, and return the environment that runs it.

    The ledger does the same, under another name; its facts have a field that this release does not know.
    """
    for part in ("router", "topics"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    changed = folder / "router" / "adapters" / "redis" / "lua" / "store.lua"
    source = changed.read_text(encoding="utf-8")
    assert source.count(FACT) == 1
    changed.write_text(source.replace(FACT, FACT + "  values.release = 2\n"), encoding="utf-8")
    described = folder / f"speed_to_lead_router-{VERSION}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: speed-to-lead-router\nVersion: {VERSION}\n")
    environment = {"PYTHONPATH": str(folder), "PYTHONSAFEPATH": "1"}
    expect_it_runs(environment, folder)
    return environment


def expect_it_runs(environment: Mapping[str, str], folder: Path) -> None:
    """Check that the environment runs the copy, so that no test compares this release with itself."""
    ask = "import router, importlib.metadata as m; print(router.__file__, m.version('speed-to-lead-router'))"
    told = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == [str(folder / "router" / "__init__.py"), VERSION]
