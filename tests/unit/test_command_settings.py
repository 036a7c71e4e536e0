"""A command that answers keeps its answer apart from what is logged on the way."""

from __future__ import annotations

import os
import subprocess
import sys

WARNS = """
import structlog
from router.entrypoints.command_settings import command_settings

log = structlog.get_logger()
command_settings()
log.warning("something.odd")
log.info("of no interest")
print("{}")
"""


def test_standard_output_is_for_the_answer() -> None:
    """A warning goes to standard error, so that a program can read what a command prints; what is less is not said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    done = subprocess.run([sys.executable, "-c", WARNS], capture_output=True, text=True, check=True, env=kept)

    assert done.stdout == "{}\n"
    assert "something.odd" in done.stderr
    assert "of no interest" not in done.stderr
