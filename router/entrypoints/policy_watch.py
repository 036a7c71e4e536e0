"""
What a worker does about its policy while it runs.

It installs its directory when the files change and check, follows where another
worker installed, and lets the calendars in force go on.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence

import structlog

from router.bootstrap import Station
from router.pipeline.following import SHOWN, InstallFailed
from router.pipeline.runner import until_up
from router.policy.directory import Look
from router.policy.problems import PolicyInvalid, Problem

log = structlog.get_logger()

# From saving to in force on all workers within a second: seen, settled, read and checked, installed, followed.
LOOK_EVERY = 0.1  # seconds
SETTLED_AFTER = 0.2  # seconds without a change: an editor saves several files, a copy takes a while
SETTLED_AT_LAST = 2.0  # seconds; a directory that never rests is read all the same
FOLLOW_EVERY = 0.2
EXTEND_EVERY = 3600.0  # calendars reach the ledger 14 days ahead

_ADDRESS = re.compile(r"[^\s'\"]*@[^\s'\"]*")


async def put_in_force(place: Station) -> None:
    """Install what the directory held when the worker started."""
    await place.following.install(place.in_force.policy)


async def keep_following(place: Station) -> None:
    """Ask every 200 ms or so which policy is in force, for ever."""

    async def follow() -> None:
        await place.following.follow()

    while True:
        await until_up(follow, "policy")
        await asyncio.sleep(FOLLOW_EVERY * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


async def keep_calendars(place: Station) -> None:
    """Tell the ledger the coming days of the calendars in force, every hour, for ever."""
    while True:
        await asyncio.sleep(EXTEND_EVERY)
        await until_up(place.following.renew, "calendars")


async def watch_directory(place: Station) -> None:
    """Install the directory whenever its files have changed and check, for ever."""
    given = place.given
    while True:
        await asyncio.sleep(LOOK_EVERY)
        look = await asyncio.to_thread(place.directory.look)
        if look != place.directory.seen:
            await _settle(place, look)
            given = await _take(place, given)


async def _settle(place: Station, look: Look) -> None:
    """Wait until nothing changes any more."""
    for _ in range(round(SETTLED_AT_LAST / SETTLED_AFTER)):
        await asyncio.sleep(SETTLED_AFTER)
        before, look = look, await asyncio.to_thread(place.directory.look)
        if look == before:
            return


async def _take(place: Station, given: str) -> str:
    """Install what the directory gives now, where that is not what it *gave* last; return what it gave last now."""
    try:
        loaded = await asyncio.to_thread(place.directory.load)
    except PolicyInvalid as refusal:
        _refuse(place, refusal.problems)
        return given
    policy = loaded.policy
    if policy.version == given:
        log.info("policy.unchanged", version=given)
        return given
    try:
        await until_up(lambda: place.following.install(policy), "policy")
    except InstallFailed as failure:
        _refuse(place, [str(failure)])
        return given
    return policy.version


def _refuse(place: Station, problems: Sequence[Problem | str]) -> None:
    """Log the first problems, without the addresses of reps that they may quote."""
    told = [_ADDRESS.sub("…", str(one)) for one in problems[:SHOWN]]
    log.error("policy.refused", kept=place.in_force.version, problems=told, errors=len(problems))
