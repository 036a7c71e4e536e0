"""Assignments in the order of their `sequence`, whichever partition they came from; and the numbers missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

ROOM = 50_000
"""How many wait for one that has not come yet; a reader that takes the oldest records first needs a few hundred."""


class InSequence(Generic[T]):
    """
    Gives out what is put in by its number, from 1 on, each number once.

    Where too many wait for a number it is passed over. Should it come after all
    it is given out then: late, which the receiver tells by the number.

    >>> line = InSequence[str]()
    >>> [list(line.put(number, text)) for number, text in ((2, "b"), (1, "a"), (2, "b"), (4, "d"))]
    [[], ['a', 'b'], [], []]
    >>> list(line.rest()), line.last, line.missing()
    (['d'], 4, [(3, 3)])
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._next = 1
        self._waiting: dict[int, T] = {}
        self._passed_over: list[tuple[int, int]] = []
        self._late: set[int] = set()

    @property
    def last(self) -> int:
        """The highest number there was."""
        return max(self._waiting, default=self._next - 1)

    def put(self, number: int, item: T) -> Iterator[T]:
        """Take *item* in and give out whose turn it is."""
        if number < self._next:
            if self._is_missing(number):
                self._late.add(number)
                yield item
            return
        self._waiting.setdefault(number, item)
        yield from self._those_in_turn()
        if len(self._waiting) > self._room:
            self._pass_over()
            yield from self._those_in_turn()

    def rest(self) -> Iterator[T]:
        """Give out all that waits: nothing more will come."""
        while self._waiting:
            self._pass_over()
            yield from self._those_in_turn()

    def missing(self, after: int = 0) -> list[tuple[int, int]]:
        """Return the numbers above *after* that are missing, as ranges with both ends in them."""
        found: list[tuple[int, int]] = []
        for first, last in self._passed_over:
            start = max(first, after + 1)
            for late in sorted(number for number in self._late if start <= number <= last):
                if start < late:
                    found.append((start, late - 1))
                start = late + 1
            if start <= last:
                found.append((start, last))
        return found

    def _is_missing(self, number: int) -> bool:
        return number not in self._late and any(first <= number <= last for first, last in self._passed_over)

    def _those_in_turn(self) -> Iterator[T]:
        while self._next in self._waiting:
            yield self._waiting.pop(self._next)
            self._next += 1

    def _pass_over(self) -> None:
        lowest = min(self._waiting)
        if lowest > self._next:
            self._passed_over.append((self._next, lowest - 1))
        self._next = lowest
