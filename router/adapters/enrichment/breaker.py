"""
Says when a source that fails is left alone: after some failures in a row, for a time; then one call tries it out.

Own code, though libraries for it are kept (purgatory, pybreaker): theirs let all
calls through on trial, where one must do, and take whoever calls for who waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Final

TRUSTED_FOR: Final = 5
"""Failures in a row after which it rests: one company that cannot be looked up is no outage."""

RESTS_FOR: Final = 10.0  # seconds


class Gate(Enum):
    """Whether a call may be made now."""

    OPEN = "open"
    """The source answers; whoever asks may wait for it."""
    TRIAL = "trial"
    """One call may try it out; nobody should wait for it."""
    SHUT = "shut"
    """It is left alone."""


class Breaker:
    """
    Counts the failures of one source.

    >>> at = 0.0
    >>> breaker = Breaker(lambda: at)
    >>> [breaker.failed() for _ in range(TRUSTED_FOR)], breaker.gate()
    ([False, False, False, False, True], <Gate.SHUT: 'shut'>)
    >>> at = RESTS_FOR
    >>> breaker.gate(), breaker.gate(), breaker.answered(), breaker.gate()
    (<Gate.TRIAL: 'trial'>, <Gate.SHUT: 'shut'>, True, <Gate.OPEN: 'open'>)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._rests_until: float | None = None
        self._on_trial = False

    def gate(self) -> Gate:
        """Return whether a call may be made; whoever is told `TRIAL` must make it, and tell how it ended."""
        if self._rests_until is None:
            return Gate.OPEN
        if self._on_trial or self._clock() < self._rests_until:
            return Gate.SHUT
        self._on_trial = True
        return Gate.TRIAL

    def answered(self) -> bool:
        """Take note of an answer in time; return whether the source had been left alone until now."""
        was_left_alone = self._rests_until is not None
        self._failures, self._rests_until, self._on_trial = 0, None, False
        return was_left_alone

    def failed(self) -> bool:
        """Take note of a failure; return whether the source is left alone from now on and was not before."""
        if self._rests_until is not None:
            if self._on_trial:
                self._on_trial, self._rests_until = False, self._clock() + RESTS_FOR
            return False
        self._failures += 1
        if self._failures < TRUSTED_FOR:
            return False
        self._rests_until = self._clock() + RESTS_FOR
        return True
