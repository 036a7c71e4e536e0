"""What a process that reads many records a second must leave off. It concerns the whole process, not one consumer."""

from __future__ import annotations

import gc
import logging

COLLECTS_EVERY = (50_000, 20, 20)
"""Thresholds of Python's collector: it would look through all that was fetched several times a batch."""

NOISY = ("aiokafka", "faust", "mode", "kafka")
"""Loggers that write a line for each record at lower levels, at a tenth of the speed."""


def read_fast() -> None:
    """Quieten the libraries and collect garbage less often."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)
    gc.freeze()
    gc.set_threshold(*COLLECTS_EVERY)
