"""The bugs that are put in on purpose keep up with the code."""

from __future__ import annotations

import pytest

from tests.mutations.bugs import BUGS, Bug
from tests.mutations.scratch import ROOT


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_finds_its_place(bug: Bug) -> None:
    """What a bug replaces stands in its file exactly once, and what its place is tested by is there."""
    assert (ROOT / bug.file).read_text(encoding="utf-8").count(bug.was) == 1
    assert bug.now != bug.was
    assert all((ROOT / test.partition("::")[0]).exists() for test in bug.tests)


def test_every_promise_is_broken_by_some_bug() -> None:
    """No promise is without a bug that breaks it."""
    assert {bug.promise for bug in BUGS} == set(range(1, 11))
