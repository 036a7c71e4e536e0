"""The page on threats: each row names the tests that show its defence, and those tests are there."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROWS = [row for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE) if not row.startswith(("threat |", "---"))]


@cache
def named_in(file: str) -> frozenset[str]:
    """Return the names of the tests in a file of the project."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.partition(" |")[0][:40])
def test_each_row_names_tests_that_there_are(row: str) -> None:
    """Threat, defence, and at least one test, each by file and name."""
    threat, defence, tests = row.split(" | ")
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_\w+)`", tests)

    assert threat
    assert defence
    assert len(named) == tests.count("`") // 2
    assert named
    assert [f"{file}::{name}" for file, name in named if name not in named_in(file)] == []


def test_every_door_has_rows() -> None:
    """The doors of the architecture are all there, and the page is not empty by a slip of the pattern."""
    doors = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)

    assert len(doors) >= 10
    assert len(ROWS) > 40
