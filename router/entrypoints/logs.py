"""
Logging of a process: an event name and fields, on standard error, as text on a terminal and as JSON elsewhere.

An exception is told by its type and the lines that it came through. What it
says stays out: that may quote a submission, and no personal data is logged.
`ROUTER_DEBUG=1`, on a machine of your own, shows all of it.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Literal, TextIO, cast

import structlog

SAID_AGAIN_AFTER = 60.0  # seconds
INNERMOST = 8  # lines of an exception's way


class StandardError(io.TextIOBase):
    """Standard error, whichever it is when something is written."""

    def write(self, text: str) -> int:
        """Write it there."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Let it be seen."""
        sys.stderr.flush()


def set_up_logs(style: Literal["console", "json"], *, level: int = logging.INFO, lasting: bool = True) -> None:
    """
    Send structlog and the libraries' own lines to standard error in one form.

    * **lasting** - for as long as the process lives, so that loggers need not look again how they are set up.
    """
    renderer = structlog.dev.ConsoleRenderer() if style == "console" else structlog.processors.JSONRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if os.environ.get("ROUTER_DEBUG") else without_words,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", StandardError())),
        cache_logger_on_first_use=lasting,
    )
    handler = logging.StreamHandler(StandardError())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer))
    handler.addFilter(Sparing())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    threading.excepthook = _thread_failed


class Sparing(logging.Filter):
    """Lets a library say the same thing once a minute; aiokafka says it thirty times a second in an outage."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is to be written."""
        what, now = (record.name, str(record.msg)), self._clock()
        said = self._said.get(what)
        if said is not None and now - said < SAID_AGAIN_AFTER:
            return False
        self._said[what] = now
        return True


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """Log that a library's thread died; aiokafka's does when it is stopped while its broker is away."""
    error = (failed.exc_type, failed.exc_value, failed.exc_traceback)
    structlog.get_logger().error("thread.failed", thread=getattr(failed.thread, "name", None), exc_info=error)


def without_words(
    _logger: structlog.typing.WrappedLogger, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Put an exception's type and way in place of the exception."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["way"] = _way(error.__traceback__)
    return event


def _way(through: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(through)[-INNERMOST:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
