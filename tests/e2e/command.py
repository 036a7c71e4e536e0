"""The command line as a user starts it, and how it has to fail: an exit code and a sentence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ENDS_WITHIN = 15.0
ANY_PORT = {"ROUTER_LISTEN": "127.0.0.1:0"}  # whoever listens on this machine already is no concern
SECRET = "a secret of at least thirty-two characters"  # noqa: S105 - made up
BAD_INPUT, USAGE, UNREACHABLE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def router(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    limit: Callable[[], None] | None = None,
) -> Ended:
    """
    Run a command with no settings but *environment*; fails where it takes longer than a person waits.

    * **limit** - called in the new process before the command, to take something from it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    done = subprocess.run(
        [sys.executable, "-m", "router.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=ENDS_WITHIN,
        env={**kept, **ANY_PORT, **(environment or {})},
        cwd=cwd,
        preexec_fn=limit,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def expect_failure(ended: Ended, code: int, *words: str) -> None:
    """Check that a command failed with *code* and told why in sentences that hold *words*, and nothing else."""
    assert ended.code == code, ended
    lines = ended.err.splitlines()
    assert lines
    assert all(line.startswith("error: ") for line in lines), ended.err
    for word in words:
        assert word in ended.err, ended.err
