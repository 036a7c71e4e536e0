"""
Remembers ids for a time, at some twelve bytes each: what an auditor may forget of a fact that is over, it forgets.

An id is kept as 64 bits of its hash, with one small number. Two ids that fall together
are taken for one, once in some billions, so nothing more than a repeat is ever taken from here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PAGE = 1 << 16
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_BITS, _SMALL = (1 << 64) - 1, (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class _Page:
    """Ids of a time gone by, sorted, with their numbers."""

    until: datetime
    keys: array[int]
    values: array[int]

    def get(self, key: int) -> int | None:
        place = bisect_left(self.keys, key)
        return self.values[place] if place < len(self.keys) and self.keys[place] == key else None


class Memory:
    """
    Ids, each with a number of 32 bits; the last one that was put counts.

    * **keep** - for how long at least; None for ever. An id is forgotten at most a page later.
    * **forgetful** - whether anything was forgotten yet: then "not known" says less.
    """

    def __init__(self, keep: timedelta | None = None, page: int = PAGE) -> None:
        self.keep = keep
        self.forgetful = False
        self._page = page
        self._young: dict[int, int] = {}
        self._old: deque[_Page] = deque()
        self._now = _LONG_AGO

    def put(self, identifier: Hashable, number: int = 0) -> None:
        """Remember *identifier* with *number*."""
        self._young[hash(identifier) & _BITS] = number & _SMALL
        if self.keep is not None and len(self._young) >= self._page:
            self._turn_page()

    def get(self, identifier: Hashable) -> int | None:
        """Return the number that *identifier* was put with; None where it is not known (any more)."""
        key = hash(identifier) & _BITS
        found = self._young.get(key)
        if found is not None:
            return found
        for page in reversed(self._old):
            if (found := page.get(key)) is not None:
                return found
        return None

    def __contains__(self, identifier: Hashable) -> bool:
        return self.get(identifier) is not None

    def __len__(self) -> int:
        return len(self._young) + sum(len(page.keys) for page in self._old)

    def grow_old(self, now: datetime) -> None:
        """Let it be *now*, and forget what is older than it need be kept."""
        self._now = max(self._now, now)
        if self.keep is None:
            return
        while self._old and self._old[0].until + self.keep <= self._now:
            self._old.popleft()
            self.forgetful = True

    def _turn_page(self) -> None:
        rows = sorted(self._young.items())
        keys, values = array("Q", (key for key, _ in rows)), array("I", (value for _, value in rows))
        self._old.append(_Page(self._now, keys, values))
        self._young = {}
