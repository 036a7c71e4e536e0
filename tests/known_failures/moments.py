"""What these tests share: instants, written in UTC and told to a story, and where leads went."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from router.domain.ledger.facts import Fact
from router.events.base import to_millis
from tests.unit.ledger_story import Story


def utc(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def present(story: Story) -> datetime:
    """Return the story's present."""
    return datetime.fromtimestamp(story.now / 1000, UTC)


def wait_until(story: Story, at: datetime) -> None:
    """Let time pass until *at*; every timer on the way fires at its instant."""
    story.wait((to_millis(at) - story.now) / 1000)


def moves(facts: Iterable[Fact]) -> list[str]:
    """Name the assignment events among *facts*: where the leads went, whoever was told of it."""
    return [fact["t"] for fact in facts if "seq" in fact]
