"""The page on known failures: each row has its test, and each of those tests has its row."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass

import pytest

from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "known-failures.md").read_text(encoding="utf-8")
FOLDER = ROOT / "tests" / "known_failures"
FILE = re.compile(r"^\[tests/known_failures/(\w+\.py)\]\(", re.MULTILINE)
TEST = re.compile(r"`(test_\w+)`")
SOURCES = frozenset(
    {
        "RocketChat 37776", "chatwoot 14495", "chatwoot 15524", "chatwoot 7204", "chatwoot 10376", "chatwoot 5436",
        "libredesk 568", "odoo 259324", "RocketChat 13134", "RocketChat 35688", "SuiteCRM 8935", "frappe/helpdesk 2075",
        "Salesforce 000382420", "Salesforce 000384795", "freeswitch 2540", "grafana/oncall 4654", "grafana/oncall 1206",
        "grafana/oncall 3111", "chatwoot 13392",
    }
)  # fmt: skip
"""The failures that this router was designed against. One may be added; none goes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One failure on the page, and the file that its tests stand in."""

    file: str
    failure: str
    source: str
    answer: str
    tests: tuple[str, ...]


def rows() -> list[Row]:
    """Return all rows of the page's tables."""
    out = []
    _, *parts = FILE.split(PAGE)
    for file, text in zip(parts[::2], parts[1::2], strict=True):
        for line in re.findall(r"^\| (?!failure)(.+) \|$", text, re.MULTILINE):
            failure, source, answer, tests = line.split(" | ")
            out.append(Row(file, failure, source, answer, tuple(TEST.findall(tests))))
    return out


def written() -> dict[str, dict[str, str]]:
    """Return file to test to docstring, of all tests of known failures."""
    out: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for path in FOLDER.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                out[path.name][node.name] = ast.get_docstring(node) or ""
    return dict(out)


ROWS, WRITTEN = rows(), written()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.source}: {row.failure}")
def test_each_failure_has_its_tests(row: Row) -> None:
    """Every test that a row names stands in the file above the row, and its docstring names the row's source."""
    assert row.tests
    assert row.answer.endswith(".")
    told = {name: row.source in WRITTEN[row.file].get(name, "no such test") for name in row.tests}
    assert told == dict.fromkeys(row.tests, True)


def test_each_test_of_a_failure_has_its_row() -> None:
    """A test that names a source is found on the page, under the same source and no other."""
    named = {
        (name, source)
        for tests in WRITTEN.values()
        for name, docstring in tests.items()
        for source in re.findall(r"\(([\w/]+ \d+)\)", docstring)
    }
    assert {(name, row.source) for row in ROWS for name in row.tests} == named


def test_no_known_failure_is_missing() -> None:
    """All those that the router was designed against are there."""
    assert {row.source for row in ROWS} >= SOURCES


def test_tests_named_in_the_text_exist() -> None:
    """Also where the page speaks of a test outside its tables."""
    assert set(TEST.findall(PAGE)) <= {name for tests in WRITTEN.values() for name in tests}


def test_what_fails_for_now_is_told() -> None:
    """A test that is expected to fail stands in the section on what is not there yet, and no other does."""
    expected = {
        node.name
        for path in FOLDER.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if any("mark.xfail" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    told = set(TEST.findall(PAGE.partition("\n## Not yet\n")[2]))
    assert told == expected
