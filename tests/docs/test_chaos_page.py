"""The page on faults and load tells of every row, as the program does."""

from __future__ import annotations

import re

from tests.chaos.faults import FAULTS
from tests.chaos.table import HEAD, described
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "chaos.md").read_text(encoding="utf-8")


def test_the_page_lists_the_rows_as_the_program_does() -> None:
    """What `python -m tests.chaos --list` prints stands between its marks."""
    found = re.search(r"<!-- rows: .*? -->\n\n(.*?)\n\n<!-- end of rows -->", PAGE, re.DOTALL)
    assert found is not None
    assert found[1] == described(FAULTS)


def test_every_row_has_a_run_in_the_table() -> None:
    """The table of the runs has each row, but for those that it says were not run, and no other."""
    head = f"| {' | '.join(HEAD)} |"
    table = PAGE.partition(head)[2].partition("\n\n")[0]
    run = {line.removeprefix("| ").partition(" | ")[0] for line in table.splitlines()[2:]}
    not_run = set(re.findall(r"^- ([a-z-]+): not run", PAGE, re.MULTILINE))
    assert run | not_run == {fault.name for fault in FAULTS}
    assert not run & not_run
