"""The looks of a watchdog at servers in memory: what was found is not lost, and a look is clean only if it saw."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from router.domain.audit import Violation
from router.entrypoints.watchdog import rounds
from router.entrypoints.watchdog.findings import MOST_TOLD
from router.errors import DependencyDown
from router.ports import Span
from tests.unit.watchdog_place import Post

BROKEN = Violation(7, "lead lou", "was called twice")
TOLD = "lead lou: was called twice."


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A watchdog that has nothing to complain of yet."""
    return Post(tmp_path)


def look(post: Post, *, down: bool = False) -> None:
    """Look once; *down* where a server is away in the middle of it."""
    if not down:
        asyncio.run(post.rounds.look())
        return
    with pytest.raises(DependencyDown):
        asyncio.run(post.rounds.look())


def test_the_count_goes_on_however_much_is_found(post: Post) -> None:
    """Each of many violations is counted, each lost submission sent again; a manager hears of some, and of the rest."""
    for first in (0, 300):
        for offset in range(first, first + 300):
            post.lose(offset)
        look(post)

    assert post.readings.violations[1] == 600
    told = post.told()
    assert len(told) == 2 * (MOST_TOLD + 1)
    assert [text.partition(" more")[0] for text in told if " more findings" in text] == [f"And {300 - MOST_TOLD}"] * 2
    assert len(post.sent()) == 600


def test_only_a_look_that_has_read_everything_is_clean(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that could not read to the end of the log has found nothing because it did not see."""
    monkeypatch.setattr(rounds, "READ_WITHIN", 0.01)
    post.book.ends = [Span("rep-actions", 0, 0, 5)]
    look(post)
    assert post.readings.rounds == 1
    assert post.readings.clean_at is None

    post.book.ends = []
    look(post)
    assert post.readings.clean_at is not None


def test_what_was_found_outlives_an_outage_in_the_middle_of_a_look(post: Post) -> None:
    """The ledger goes away after the auditor has spoken: the next look tells it, once, and is not clean."""
    post.auditor.told.add(BROKEN)
    post.ledger.outage.left = 1
    look(post, down=True)
    look(post)
    assert post.told() == [TOLD]
    assert post.readings.clean_at is None

    look(post)
    assert post.told() == [TOLD]
    assert post.readings.violations == {7: 1}
    assert post.readings.clean_at is not None


def test_a_submission_that_the_log_did_not_take_is_sent_at_the_next_look(post: Post) -> None:
    """One publish that fails costs none of the lost submissions its second chance, and none is told of twice."""
    for offset in range(3):
        post.lose(offset)
    post.log.outage.left = 1
    look(post, down=True)
    assert post.sent() == []

    look(post)
    look(post)
    assert post.sent() == [b"sub-0", b"sub-1", b"sub-2"]
    assert len(post.told()) == 3
    assert all("sent once more" in text for text in post.told())
    assert post.readings.finished["submission"] == 3


def test_a_ledger_that_has_forgotten_its_policy_silences_nobody(post: Post) -> None:
    """The manager of the last policy that was known hears of it."""
    look(post)
    post.ledger.standing = replace(post.ledger.standing, version=None)
    post.auditor.told.add(BROKEN)
    look(post)

    assert post.told() == [TOLD]


def test_what_nobody_can_be_told_waits_for_a_manager(post: Post) -> None:
    """Before any policy is known, what was found is kept until one is."""
    post.ledger.standing = replace(post.ledger.standing, version=None)
    post.auditor.told.add(BROKEN)
    look(post)
    assert post.told() == []

    post.ledger.standing = replace(post.ledger.standing, version="v1")
    look(post)
    assert post.told() == [TOLD]
