"""
Finds out within three seconds that another worker has died, so that the rest read what it read.

A broker waits for a silent member as long as its session, which by default must not be shorter than six seconds, and
deals out nothing meanwhile where others come and go. So each worker leaves signs of life in Redis too, and whoever sees
another's stand still tells the broker that it has left. Where that was wrong, a member that lives joins anew, as after
any other rebalance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING

import structlog

from router.errors import DependencyDown

if TYPE_CHECKING:
    from router.ports import Group, Signs

log = structlog.get_logger()

SIGNS_EVERY = 0.3  # seconds
DEAD_AFTER = 2.5  # seconds without a new sign: far longer than a busy or collecting process keeps still
LOOKED_AWAY = 1.0  # seconds; who has not looked for as long does not know what came meanwhile


class Watch:
    """What one member sees of the others, by its own steady clock (seconds): nobody's wall clock matters."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, float]] = {}
        self._looked = float("-inf")

    def silent(self, signs: Mapping[str, str], at: float) -> Sequence[str]:
        """Return those of whom *signs* has had the same sign for too long, under eyes that were open all the time."""
        known = self._seen if at - self._looked <= LOOKED_AWAY else {}
        self._looked = at
        self._seen = {
            member: known[member] if known.get(member, ("",))[0] == sign else (sign, at)
            for member, sign in signs.items()
        }
        return [member for member, (_, since) in self._seen.items() if at - since >= DEAD_AFTER]


async def keep_watch(group: Group, signs: Signs) -> None:
    """Give signs, and take those out of *group* who give none, for ever; an outage is nobody's concern here."""
    dead: asyncio.Queue[str] = asyncio.Queue(maxsize=1)
    async with asyncio.TaskGroup() as both:  # a broker that does not answer must not keep this one silent
        both.create_task(_give_and_look(group, signs, dead))
        both.create_task(_take_out(group, signs, dead))


async def _give_and_look(group: Group, signs: Signs, dead: asyncio.Queue[str]) -> None:
    watch, clock = Watch(), asyncio.get_running_loop().time
    for number in count():
        member = group.member
        try:
            found = await signs.give(member, str(number))
        except DependencyDown:
            pass
        else:
            silent = [other for other in watch.silent(found, clock()) if other != member]
            if silent and dead.empty():
                dead.put_nowait(silent[0])
        await asyncio.sleep(SIGNS_EVERY)


async def _take_out(group: Group, signs: Signs, dead: asyncio.Queue[str]) -> None:
    while True:
        member = await dead.get()
        try:
            await group.remove(member)
            await signs.forget(member)
        except DependencyDown as down:
            log.warning("member.not_removed", member=member, why=str(down))
        else:
            log.warning("member.removed", member=member, silent_for=DEAD_AFTER)
