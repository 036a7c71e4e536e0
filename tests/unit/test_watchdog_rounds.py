"""The looks of a watchdog at servers in memory: what was found is not lost, and a look is clean only if it saw."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.watchdog_place import Post


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A watchdog that has nothing to complain of yet."""
    return Post(tmp_path)


def look(post: Post) -> None:
    """Look once."""
    asyncio.run(post.rounds.look())


def test_the_count_goes_on_however_much_is_found(post: Post) -> None:
    """Each of many violations is counted and told, each lost submission sent again, over looks and within one."""
    for first in (0, 300):
        for offset in range(first, first + 300):
            post.lose(offset)
        look(post)

    assert post.readings.violations[1] == 600
    assert len(post.told()) == 600
    assert len(post.sent()) == 600
