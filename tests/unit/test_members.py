"""A worker that has died is told from one that lives, by what the others saw of it themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from router.errors import DependencyDown
from router.pipeline import members
from router.pipeline.members import DEAD_AFTER, LOOKED_AWAY, Watch, keep_watch


def looks(watch: Watch, signs: Mapping[str, str], start: float, length: float) -> Sequence[str]:
    """Look every half second, from *start* on, and return who is silent at the last look."""
    found: Sequence[str] = []
    for number in range(round(length * 2) + 1):
        found = watch.silent(signs, start + number / 2)
    return found


def test_who_gives_no_new_sign_is_silent() -> None:
    """One sign, seen all the time for too long, is that of a dead one; a new one is not."""
    watch = Watch()
    assert looks(watch, {"a": "1", "b": "1"}, 0, DEAD_AFTER - 0.5) == []
    assert watch.silent({"a": "1", "b": "2"}, DEAD_AFTER) == ["a"]


def test_who_looked_away_knows_nothing_of_the_time_between() -> None:
    """After an outage, or after standing still itself, a member gives all others their time again."""
    watch = Watch()
    assert looks(watch, {"a": "1"}, 0, DEAD_AFTER - 0.5) == []
    again = DEAD_AFTER - 0.5 + LOOKED_AWAY + 0.1
    assert looks(watch, {"a": "1"}, again, DEAD_AFTER - 0.5) == []
    assert watch.silent({"a": "1"}, again + DEAD_AFTER + 0.1) == ["a"]


def test_who_was_removed_is_forgotten() -> None:
    """A member that leaves no sign any more is nobody; should the name come again, it is new."""
    watch = Watch()
    looks(watch, {"a": "1"}, 0, DEAD_AFTER)
    assert watch.silent({}, DEAD_AFTER + 0.5) == []
    assert watch.silent({"a": "1"}, DEAD_AFTER + 1) == []


class Fleet:
    """Signs and group in one: `b` is dead, and the broker answers only when it is let."""

    member = "a"

    def __init__(self) -> None:
        self.signs = {"b": "7"}
        self.given: list[str] = []
        self.removed: list[str] = []
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.refuses = True

    async def give(self, member: str | None, sign: str) -> Mapping[str, str]:
        """Take a sign."""
        assert member is not None
        self.given.append(sign)
        self.signs[member] = sign
        return dict(self.signs)

    async def forget(self, member: str) -> None:
        """Remove what a member left."""
        del self.signs[member]

    async def remove(self, member: str) -> None:
        """Wait until it may answer; refuse once."""
        self.asked.set()
        await self.answers.wait()
        if self.refuses:
            self.refuses = False
            message = "not now"
            raise DependencyDown(message)
        self.removed.append(member)


async def test_a_dead_member_is_removed_and_nobody_falls_silent_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the broker does not answer the survivor goes on giving signs; after a refusal it asks again."""
    monkeypatch.setattr(members, "SIGNS_EVERY", 0.001)
    monkeypatch.setattr(members, "DEAD_AFTER", 0.005)
    fleet = Fleet()
    running = asyncio.create_task(keep_watch(fleet, fleet))
    async with asyncio.timeout(10):
        await fleet.asked.wait()
        before = len(fleet.given)
        while len(fleet.given) < before + 5:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0)
        assert (fleet.removed, "b" in fleet.signs) == ([], True)
        fleet.answers.set()
        while "b" in fleet.signs:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert fleet.removed == ["b"]
    assert set(fleet.signs) == {"a"}
