"""
One channel's way out: takes up what is due, tries it, and says what became of it.

A lane waits for nothing of another lane. What it has in work is bounded by the
channel; the rest stays in the queue, for this process or another.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import orjson
import stamina
import structlog

from router.adapters.notify.channel import Channel, Letter, NotTaken
from router.adapters.redis.deliveries import Parcel, Taken
from router.entrypoints.notifier.post import Post
from router.errors import DependencyDown
from router.events.base import from_millis, to_millis
from router.events.envelope import decode
from router.events.notification import NotificationRequested
from router.pipeline.ending import end
from router.pipeline.runner import until_up
from router.pipeline.telling import Job, written_at
from router.pipeline.wording import event, notification

log = structlog.get_logger()

LEASE = 10.0  # seconds: what a dead process had in work is tried by another after that
SEND_WITHIN = 20.0  # a letter at a time, in all
AT_ONCE_FOR = 3.0  # seconds of quick tries; then it is put back
LOOKS_EVERY = 0.5  # seconds; what another process noted and does not get to
FIRST_PAUSE, LONGEST_PAUSE = 1_000, 60_000  # ms
TOO_LATE = "its time was over"
FINISHES_WITHIN = 3.0  # seconds that letters on their way have when the process ends


@dataclass(slots=True)
class Lane:
    """The way out through the channel named *name*, which may be replaced by another of that name."""

    name: str
    post: Post
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    _in_work: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _asking: asyncio.Task[Taken] | None = None
    _failing: bool = False

    async def run(self) -> None:
        """Deliver until cancelled; then `leave`."""
        holding = asyncio.create_task(self._hold())
        try:
            while True:
                self.woken.clear()
                next_in = await self._take_up()
                await self._wait(next_in)
        finally:
            await end([holding])

    async def _take_up(self) -> int | None:
        """Take up as much as there is room for; return in how many ms more is due."""
        channel = self.post.in_use.channels.get(self.name)
        room = 0 if channel is None else channel.at_once - len(self._in_work)
        if channel is None or room <= 0:
            return None
        self._asking = asyncio.create_task(self._ask(room))  # a task of its own: its answer must not be lost
        taken = await asyncio.shield(self._asking)
        self._asking = None
        for parcel in taken.parcels:
            if parcel.id not in self._in_work:
                self._in_work[parcel.id] = task = asyncio.create_task(self._deliver(parcel, channel))
                task.add_done_callback(self._done(parcel.id))
        return taken.next_in

    async def _ask(self, room: int) -> Taken:
        taken = Taken((), None)

        async def ask() -> None:
            nonlocal taken
            taken = await self.post.deliveries.take(self.name, room, int(LEASE * 1000))

        await until_up(ask, "deliveries")
        return taken

    def _done(self, name: str) -> Callable[[asyncio.Task[None]], None]:
        def done(task: asyncio.Task[None]) -> None:
            self._in_work.pop(name, None)
            self.woken.set()
            bug = None if task.cancelled() else task.exception()
            if bug is not None and not isinstance(bug, DependencyDown):  # an outage: others take it up when it is over
                log.error("delivery.failed", channel=self.name, exc_info=bug)

        return done

    async def _wait(self, next_in: int | None) -> None:
        pause = LOOKS_EVERY if next_in is None else min(LOOKS_EVERY, next_in / 1000)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(pause, 0.01) * random.uniform(0.8, 1.0)):  # noqa: S311 - jitter
                await self.woken.wait()

    async def _hold(self) -> None:
        """Keep what is in work from being taken up by others."""
        while True:
            await asyncio.sleep(LEASE / 3)
            if names := list(self._in_work):
                with suppress(DependencyDown):
                    await self.post.deliveries.later(self.name, names, int(LEASE * 1000))

    async def leave(self) -> None:
        """Let what is on its way arrive, for a short while, and leave the rest to others."""
        tasks, asking = dict(self._in_work), self._asking
        ending = [*tasks.values(), *([] if asking is None else [asking])]
        if not ending:
            return
        await asyncio.wait(ending, timeout=FINISHES_WITHIN)
        unfinished = [name for name, task in tasks.items() if not task.done()]
        await end(ending)
        if asking is not None and not asking.cancelled() and asking.exception() is None:
            unfinished += [parcel.id for parcel in asking.result().parcels if parcel.id not in tasks]
        if unfinished:
            with suppress(DependencyDown):
                await self.post.deliveries.later(self.name, unfinished, 0)

    async def _deliver(self, parcel: Parcel, channel: Channel) -> None:
        """Take one message to where it is delivered, moot, given up, or put back."""
        post = self.post
        job = await post.open(parcel)
        if job is None:
            return
        try:
            if await post.is_moot(job):
                log.info("notification.moot", channel=self.name, message=job.message_id)
            elif post.is_over(job):
                await post.give_up(job, TOO_LATE)
                return
            else:
                await self._send(channel, self._letter(job))
                self._works()
        except NotTaken as refusal:
            await self._put_back(job, refusal)
        except DependencyDown:
            raise
        except Exception as bug:
            log.exception("delivery.failed", channel=self.name, message=job.message_id)
            await self._put_back(job, NotTaken(f"the router failed on it: {type(bug).__name__}"))
        else:
            await post.finish(job)

    def _letter(self, job: Job) -> Letter:
        """Write the letter; raises `NotTaken` where nobody has an address to send it to."""
        record = job.record()
        incoming = decode(record)
        note, address, value = incoming.data, None, job.value.encode()
        if "ce_type" not in {name.lower() for name in job.headers}:
            value = note.model_dump_json(exclude_none=True).encode()  # structured, or bare: its data alone
        if job.told and isinstance(note, NotificationRequested):
            words = notification(note, private=bool(job.to))
            if job.to and (address := self.post.in_use.address(job.to, note.recipient.id)) is None:
                raise NotTaken(f"the configuration has no {note.recipient.type} of that id", final=True)
        else:
            words = event(incoming.ce_type, orjson.loads(value))
        time = from_millis(written_at(record))
        return Letter(job.message_id, incoming.ce_type, time, value, *words, address=address)

    async def _send(self, channel: Channel, letter: Letter) -> None:
        """Send it, with some quick tries: a connection that broke is whole again a moment later."""
        tries = stamina.retry_context(
            on=_may_pass, attempts=3, timeout=AT_ONCE_FOR, wait_initial=0.2, wait_max=1.0, wait_jitter=0.2
        )
        async for attempt in tries:
            with attempt:
                try:
                    async with asyncio.timeout(SEND_WITHIN):
                        await channel.send(letter)
                except TimeoutError:
                    raise NotTaken("it took too long") from None

    async def _put_back(self, job: Job, refusal: NotTaken) -> None:
        """Try it again later: after half of the time that it has waited so far; or give it up."""
        post, why = self.post, str(refusal)
        if not self._failing:
            self._failing = True
            log.warning("channel.failing", channel=self.name, why=why)
        if refusal.final or post.is_over(job):
            await post.give_up(job, why)
            return
        now = to_millis(post.clock.now())
        pause = min(max((now - job.since) / 2, FIRST_PAUSE), LONGEST_PAUSE) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        pause = max(pause, (refusal.after or 0.0) * 1000)
        in_ms = int(min(pause, job.until - now))
        await until_up(lambda: post.deliveries.later(self.name, [job.id], in_ms), "deliveries")

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            log.info("channel.working", channel=self.name)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, NotTaken) and not error.final and error.after is None
