"""
The notifier as a process, and as a part of one (`notify`).

A lane for each channel in use; a caretaker that gives up what no lane delivered
in time, also where its channel is gone from the configuration or hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import stamina.instrumentation
import structlog
from redis.asyncio import Redis

from router.adapters.redis.deliveries import Parcel
from router.adapters.redis.leads import RedisLeads
from router.bootstrap import CLOCK, Log, notifying
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.notifier.in_use import InUse
from router.entrypoints.notifier.intake import Intake
from router.entrypoints.notifier.lane import LEASE, TOO_LATE, Lane
from router.entrypoints.notifier.post import Post
from router.entrypoints.worker import together, until_signal
from router.pipeline.ending import end
from router.pipeline.runner import until_up
from router.policy.directory import Directory
from router.settings import Settings

log = structlog.get_logger()

PURPOSE = "notifier"
"""The group of the notifiers on the log is the workers' with this behind it."""
CARES_EVERY = 1.0  # seconds
A_PART = 100
NO_CHANNEL = "it is not in use here"


async def run_notifier(settings: Settings, ready: Callable[[], None] = lambda: None) -> None:
    """
    Run until SIGTERM or SIGINT; then let what is on its way arrive, leave the group, and return.

    Raises `PolicyInvalid`, `BadInput` and `DependencyDown` for what cannot be used or reached at the start.
    """
    instruments = Instruments("notifier")
    await until_signal(_run(settings, instruments, ready), instruments.loop.end_within)
    log.info("notifier.stopped")


async def _run(settings: Settings, instruments: Instruments, ready: Callable[[], None]) -> None:
    directory = Directory(settings.config)
    directory.load()  # a mistake in the files is told before anything is opened
    async with notifying(settings) as (log_, client):
        await together(
            [
                notify(settings, instruments.log(log_), client, ready, instruments),
                *instruments.beside(settings),
            ]
        )


async def notify(
    settings: Settings,
    log_: Log,
    client: Redis,
    ready: Callable[[], None] = lambda: None,
    instruments: Instruments | None = None,
) -> None:
    """Do all that a notifier does, on an open log and Redis, until cancelled or until one part fails for good."""
    instruments = instruments or Instruments("notifier")
    stamina.instrumentation.set_on_retry_hooks(())  # lanes say themselves when a channel fails, once
    workspace, prefix = settings.workspace, settings.topic_prefix
    in_use, deliveries = InUse(Directory(settings.config)), instruments.deliveries(client, workspace)
    post = Post(in_use, deliveries, RedisLeads(client, workspace), log_.publisher, CLOCK, workspace, prefix)
    lanes = _Lanes(post)
    intake = Intake(post, begun=await deliveries.begun(CLOCK), noted=lanes.wake)
    log.info("notifier.ready", workspace=workspace)
    ready()
    try:
        source = log_.source_for(PURPOSE)
        await together(
            [
                in_use.follow(),
                lanes.run(),
                _care(post),
                source.consume(instruments.handlers(intake.handlers())),
                instruments.vitals(client, log_, source).run(),
            ]
        )
    finally:
        await _in_full(_leave(lanes, in_use))


async def _in_full(leaving: Coroutine[None, None, None]) -> None:
    """Wait for it to the end, though cancelled again and again (`end` does that); the cancellation goes on after it."""
    task = asyncio.create_task(leaving)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])


async def _leave(lanes: _Lanes, in_use: InUse) -> None:
    await lanes.leave()
    await in_use.aclose()


class _Lanes:
    """A lane for each channel in use."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """Have all lanes look at once."""
        for lane in self._lanes.values():
            lane.woken.set()

    async def run(self) -> None:
        """Start a lane where a channel has come into use, end it where one has gone; raise what a lane fails of."""
        changed = self._post.in_use.changed
        try:
            while True:
                changed.clear()
                await self._match()
                waiting = asyncio.create_task(changed.wait())
                try:
                    done, _ = await asyncio.wait(
                        [waiting, *self._running.values()], return_when=asyncio.FIRST_COMPLETED
                    )
                finally:
                    await end([waiting])
                for task in done - {waiting}:
                    task.result()
        finally:
            await end(list(self._running.values()))

    async def leave(self) -> None:
        """Let what is on its way arrive; after `run` has ended."""
        await asyncio.gather(*(lane.leave() for lane in self._lanes.values()))

    async def _match(self) -> None:
        wanted = self._post.in_use.channels.keys()
        for name in wanted - self._running.keys():
            self._lanes[name] = Lane(name, self._post)
            self._running[name] = asyncio.create_task(self._lanes[name].run(), name=f"notify {name}")
        gone: Sequence[str] = sorted(self._running.keys() - wanted)
        await end([self._running.pop(name) for name in gone])
        await asyncio.gather(*(self._lanes.pop(name).leave() for name in gone))


async def _care(post: Post) -> None:
    """Give up, every second, what is past its time and in nobody's hands."""

    async def look() -> None:
        for channel in await post.deliveries.channels():
            while parcels := (await post.deliveries.take(channel, A_PART, int(LEASE * 1000), late=True)).parcels:
                for parcel in parcels:
                    await _end_late(post, parcel)

    while True:
        await until_up(look, "deliveries")
        await asyncio.sleep(CARES_EVERY)


async def _end_late(post: Post, parcel: Parcel) -> None:
    job = await post.open(parcel)
    if job is None:
        return
    if await post.is_moot(job):
        await post.finish(job)
    else:
        await post.give_up(job, TOO_LATE if job.channel in post.in_use.channels else NO_CHANNEL)
