"""The settings of a command that gives an answer and ends: what is logged on the way must not stand in the answer."""

from __future__ import annotations

import logging

from router.entrypoints.logs import set_up_logs
from router.settings import Settings, load_settings


def command_settings() -> Settings:
    """Load the settings, and send warnings to standard error; standard output is for the answer. Raises `BadInput`."""
    settings = load_settings()
    set_up_logs(settings.log_style, level=logging.WARNING, lasting=False)
    return settings
