"""What a process that reads many records a second must leave off. It concerns the whole process, not one consumer."""

from __future__ import annotations

import gc
import logging
import sys

COLLECTS_EVERY = (50_000, 20, 20)
"""Thresholds of Python's collector: it would look through all that was fetched several times a batch."""

SWITCHES_EVERY = 0.0005
"""Seconds that a thread keeps Python from another that wants it; ten times as long by default."""

NOISY = ("aiokafka", "faust", "mode", "kafka")
"""Loggers that write a line for each record at lower levels, at a tenth of the speed."""


def read_fast() -> None:
    """Quieten the libraries, collect garbage less often, and let threads take turns more often."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.setswitchinterval(SWITCHES_EVERY)
    gc.freeze()
    gc.set_threshold(*COLLECTS_EVERY)
