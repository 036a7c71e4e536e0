"""
What can be wrong with a configuration, told so that it can be put right.

A problem has a file, a line and, where one can be guessed, a suggestion. All
of them are collected before anything is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from router.errors import BadInput

_ALIKE = 65
"""From here on (0-100) a known word counts as what was meant."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right. `line` counts from 1; 0 is the file as a whole."""

    file: str
    line: int
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """Return `file:line: message; suggestion`."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" + (f"; {self.suggestion}" if self.suggestion else "")


class PolicyInvalid(BadInput):
    """The configuration does not check; nothing starts on it. `problems` holds every error that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(slots=True)
class Findings:
    """Collects errors and warnings while a configuration is read."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """
    Return a suggestion for a misspelt *word*, or what there is to choose from.

    >>> did_you_mean("ponits", ["name", "points", "when"])
    "did you mean 'points'?"
    >>> did_you_mean("zzz", ["name", "when"])
    'known here: name, when'
    """
    words = sorted(known)
    if not words:
        return None
    best = process.extractOne(word, words, scorer=fuzz.ratio, processor=str.lower)
    if best[1] >= _ALIKE:
        return f"did you mean {best[0]!r}?"
    shown = ", ".join(words[:12])
    return f"known here: {shown}" + (", …" if len(words) > 12 else "")  # noqa: PLR2004 - what fits on a line
