"""`router`, but that every logger says all it can: what a secret must not show in even then."""

from __future__ import annotations

import logging
from typing import Literal

from router import cli
from router.entrypoints import logs

usual = logs.set_up_logs


def set_up_logs(style: Literal["console", "json"], *, level: int = logging.DEBUG, lasting: bool = True) -> None:
    """Set up logs as ever, then let all of them through."""
    usual(style, level=level, lasting=lasting)
    logging.getLogger().setLevel(level)


if __name__ == "__main__":
    logs.set_up_logs = set_up_logs
    cli.main()
