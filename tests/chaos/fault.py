"""What a fault is: one row of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.scene import Scene

AFTER_A_DEATH = 10.0
"""Seconds that a submission may take after a worker's death; the same where nothing that it needs goes away."""

AFTER_AN_OUTAGE = 20.0
"""Seconds that it may take where a server was away for five."""

Disturb = Callable[[Scene], Awaitable[None]]
Setting = Callable[[Scene], Awaitable[Sequence[Mapping[str, str]]]]


def everywhere() -> str:
    """Say that nothing is missing for a fault here."""
    return ""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One row.

    * **what** - what is done, in words. **disturb** - does it, beside the load.
    * **setting** - prepares the scene and returns the environment of each of its workers.
    * **longest** - seconds that a submission may take to a rep, a queue or its decision.
    * **embedded** - on the embedded servers, by `router up`. **poisoned** - with bad records among the good.
    * **missing** - says what is not there that it needs; empty where it can be done.
    """

    name: str
    what: str
    disturb: Disturb
    setting: Setting
    longest: float = AFTER_AN_OUTAGE
    embedded: bool = False
    poisoned: bool = False
    missing: Callable[[], str] = everywhere


async def nothing(_: Scene) -> None:
    """Do nothing."""


def direct(count: int) -> Setting:
    """Place *count* workers right beside their servers."""

    async def setting(_: Scene) -> Sequence[Mapping[str, str]]:
        return [{} for _ in range(count)]

    return setting
