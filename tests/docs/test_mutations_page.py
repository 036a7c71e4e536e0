"""The page on bugs put in on purpose tells of every bug that there is."""

from __future__ import annotations

from tests.docs.documents import ROOT
from tests.mutations.bugs import BUGS

PAGE = (ROOT / "docs" / "mutations.md").read_text(encoding="utf-8")


def test_every_bug_has_a_row_and_was_caught() -> None:
    """The table has each bug with its promise, in order, and something that caught it."""
    rows = [line[2:-2].split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][2:]
    assert [(int(promise), bug) for promise, bug, _, _ in rows] == [(bug.promise, bug.name) for bug in BUGS]
    assert [bug for _, bug, audit, test in rows if audit == test == "-"] == []
