"""Another release of the router, made of this one: what a rolling deploy has beside the old one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.1"
ADDED = (
    ("leads", "function leads.save(lead)\n", "  lead.release = 2\n"),
    ("store", "local function fact(kind, values)\n", "  values.release = 2\n"),
)
"""What the next release does more: part of the library, where, and what."""


def next_release(folder: Path) -> Mapping[str, str]:
    """
    Copy the router to *folder*, change its Lua library and its version, and return the environment that runs it.

    The ledger does the same, under another name; leads and facts have a field that this release does not know.
    """
    for part in ("router", "topics"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part, begins, adds in ADDED:
        changed = folder / "router" / "adapters" / "redis" / "lua" / f"{part}.lua"
        source = changed.read_text(encoding="utf-8")
        assert source.count(begins) == 1, part
        changed.write_text(source.replace(begins, begins + adds), encoding="utf-8")
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
