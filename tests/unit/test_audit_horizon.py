"""What stands in the outbox is on its way, however old its cause is: nobody is accused before it has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router.bootstrap import CLOCK
from router.domain.audit import Auditor, Observed
from router.entrypoints.audit import horizon
from router.entrypoints.audit.horizon import published, settled
from router.entrypoints.watchdog import rounds
from router.ports import Span
from tests.unit.audit_story import Story, stamp
from tests.unit.watchdog_place import Post

LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)
"""Of an entry that came after any look of a test."""


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Post:
    """A place where the outbox is looked at again at once."""
    monkeypatch.setattr(horizon, "LOOKS_AGAIN", 0.001)
    return Post(tmp_path)


@pytest.fixture
def story() -> Story:
    """
    A lead with ben, and a touch that a worker took a minute after it was written.

    The answer of the ledger was lost, so the touch is committed as a repeat; what it changed stands in the outbox.
    """
    story = Story({"ben": 1}, now=CLOCK.now() - timedelta(seconds=125))
    story.presence("ben", "available")
    story.submit("kim")
    story.wait(60)
    touch = {"action_id": "a", "lead_id": "lead-kim", "rep_id": "ben", "action": "touch", "at": stamp(story.now)}
    story.put("rep-actions", None, None, touch)
    story.wait(60)
    return story


def shown(story: Story, auditor: Auditor, records: Sequence[Observed] | None = None) -> None:
    """Show an auditor what stands on the log."""
    for record in story.records if records is None else records:
        auditor.see(story.as_written(record))


def effect(story: Story) -> Sequence[Observed]:
    """Return what the touch changed, once the outbox has been published."""
    known = len(story.records)
    story._touch(story.leads["lead-kim"], "ben")
    return story.records[known:]


def accused(post: Post) -> list[str]:
    """Look once more; return what has been told of the touch by now."""
    asyncio.run(post.rounds.look())
    return [text for text in post.told() if "touched it" in text]


def test_the_watchdog_waits_until_the_outbox_has_passed(post: Post, story: Story) -> None:
    """An entry of this moment may be the effect of an action of a minute ago; when it is there, nobody is accused."""
    shown(story, post.auditor)
    post.ledger.outboxes = [story.now]
    assert [accused(post) for _ in range(3)] == [[], [], []]
    assert post.readings.clean_at is None, "nothing was judged"

    shown(story, post.auditor, effect(story))
    post.ledger.outboxes = [None]
    assert [accused(post) for _ in range(2)] == [[], []]


@pytest.mark.parametrize("outboxes", [[None], [LONG_AFTER]], ids=["empty", "never empty"])
def test_the_watchdog_accuses_once_the_outbox_has_passed(
    post: Post, story: Story, outboxes: list[datetime | None]
) -> None:
    """Where all that stood there is on the log and the touch still changed nothing, it is told; load hides nothing."""
    shown(story, post.auditor)
    post.ledger.outboxes = [story.now]
    assert accused(post) == []
    post.ledger.outboxes = outboxes

    assert [len(accused(post)) for _ in range(2)] == [1, 1], "told once"


def test_a_look_that_is_behind_forgets_nothing_that_the_outbox_may_need(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An assignment that waited long to be published is judged by what was known of its rep when it was made."""
    monkeypatch.setattr(rounds, "READ_WITHIN", 0.01)
    story = Story({"ben": 1}, now=CLOCK.now() - timedelta(seconds=600))
    story.presence("ben", "available")
    story.wait(1)
    story.submit("kim")
    outbox = [record for record in story.records if record.topic in {"lead-assignments", "rep-notifications"}]
    post.ledger.outboxes, post.book.ends = [story.now], [Span("rep-actions", 0, 0, 5)]
    story.wait(30)
    story.presence("ben", "busy")
    shown(story, post.auditor, story.without(lambda record: record in outbox))
    post.rounds.follower.newest = CLOCK.now()
    asyncio.run(post.rounds.look())

    shown(story, post.auditor, outbox)
    post.ledger.outboxes, post.book.ends = [None], []
    asyncio.run(post.rounds.look())
    assert post.readings.judged_until is not None
    assert [text for text in post.told() if "not available" in text] == []


def test_an_audit_waits_until_the_outbox_has_passed(post: Post, story: Story) -> None:
    """It looks once, so it has the outbox published first, and then judges as far as it would have."""
    post.ledger.outboxes = [story.now, story.now, None]

    async def scene() -> None:
        reading = await settled(post.place, CLOCK.now())
        assert not reading.is_published
        after = await published(post.place, reading)
        assert after.is_published
        assert after.until == reading.until
        assert after.waiting == {}

    asyncio.run(scene())


def test_an_audit_of_an_outbox_that_nobody_publishes_accuses_nobody(post: Post, story: Story) -> None:
    """Where the outbox stays, what may have led to it is not judged, and said to be on its way."""
    post.ledger.outboxes = [story.now]
    shown(story, post.auditor)

    async def scene() -> None:
        reading = await published(post.place, await settled(post.place, CLOCK.now()), within=0.01)
        assert list(reading.waiting) == [horizon.UNPUBLISHED]
        post.auditor.advance(reading.until)
        assert post.auditor.finish(reading.until, strict_end=False).holds

    asyncio.run(scene())
