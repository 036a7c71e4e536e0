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


def test_every_row_was_run_with_three_seeds_at_least() -> None:
    """The table of the runs has each row with three seeds or more, but for those that say why they were not run."""
    head = f"| {' | '.join(HEAD)} |"
    table = PAGE.partition(head)[2].partition("\n\n")[0]
    seeds: dict[str, set[str]] = {}
    for line in table.splitlines()[2:]:
        fault, seed = line.split(" | ")[:2]
        seeds.setdefault(fault.removeprefix("| "), set()).add(seed)
    not_run = set(re.findall(r"^- ([a-z-]+): not run", PAGE, re.MULTILINE))
    assert {fault.name for fault in FAULTS} == seeds.keys() | not_run
    assert {fault: len(numbers) for fault, numbers in seeds.items() if len(numbers) < 3} == {}
