"""A scratch copy of the project, in which a bug may be put without harm to anybody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.scenario_companies import DATA
from tests.mutations.bugs import Bug

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv*", ".router", "__pycache__", ".*_cache", ".hypothesis", ".test-kafka", "dist", "build")
GIVES_UP_AFTER = 600.0  # seconds; a bug may make a test hang, and hanging is being caught
SHOWN = 160


class NotThere(Exception):
    """The text that a bug replaces does not stand in the file exactly once: the code has moved on."""


@dataclass(frozen=True, slots=True)
class Caught:
    """How a set of tests took to a bug: which failed first, and the first line that says why; None where none did."""

    test: str | None
    why: str = ""


@contextmanager
def scratch_copy() -> Iterator[Path]:
    """Give a copy of the working tree; the jars of Kafka and the data for tests are shared with it."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
        (copy / ".test-kafka").mkdir()
        (copy / ".test-kafka" / "libs").symlink_to(ROOT / ".test-kafka" / "libs")
        (copy.parent / DATA.parent.name).symlink_to(DATA.parent)
        yield copy


@contextmanager
def put_in(bug: Bug, copy: Path) -> Iterator[None]:
    """Have *bug* in the copy for a while."""
    path = copy / bug.file
    right = path.read_text(encoding="utf-8")
    if right.count(bug.was) != 1:
        raise NotThere(f"{bug.name}: {bug.file} holds its text {right.count(bug.was)} times")
    path.write_text(right.replace(bug.was, bug.now), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(right, encoding="utf-8")


def judged(copy: Path, tests: Sequence[str]) -> Caught:
    """Run *tests* in the copy until one fails."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "--tb=short",
        *tests,
    ]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=GIVES_UP_AFTER
        )
    except subprocess.TimeoutExpired:
        return Caught(tests[0], f"it hangs for more than {GIVES_UP_AFTER:g} s")
    if done.returncode == 0:
        return Caught(None)
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return Caught(failed[1] if failed else tests[0], _why(done.stdout))


def _why(output: str) -> str:
    """Return the first promise that the audit found broken, or else the first error."""
    for pattern in (r"promise \d+: .*", r"^E +(.*)"):
        if found := re.search(pattern, output, re.MULTILINE):
            return found[found.re.groups][:SHOWN]
    return output.strip().splitlines()[-1][:SHOWN] if output.strip() else "no output"
