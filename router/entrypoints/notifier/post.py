"""What the parts of a notifier have in common: where jobs are kept, and how one that nobody took is told of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import structlog

from router.adapters.redis.deliveries import Deliveries, Parcel
from router.adapters.redis.leads import RedisLeads
from router.entrypoints.notifier.in_use import InUse
from router.events.base import to_millis
from router.events.envelope import decode
from router.events.notification import NotificationRequested
from router.pipeline.runner import until_up
from router.pipeline.telling import NOTIFICATIONS, Job, given_up, is_moot, written_at
from router.ports import Clock, Outgoing, Publisher

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Post:
    """One workspace's post office, as this process sees it."""

    in_use: InUse
    deliveries: Deliveries
    leads: RedisLeads
    publisher: Publisher
    clock: Clock
    workspace: str
    topic_prefix: str

    async def open(self, parcel: Parcel) -> Job | None:
        """Return the job in *parcel*; one of another release is left to whoever can read it, until its end."""
        with suppress(TypeError, ValueError):
            return Job.from_json(parcel.job)
        if self.is_over(parcel):
            log.error("notification.dropped", channel=parcel.channel, id=parcel.id, why="nobody could read it")
            await self.deliveries.finish(parcel.channel, parcel.id)
        else:
            log.error("notification.unreadable", channel=parcel.channel, id=parcel.id, advice="run one release")
        return None

    def is_over(self, one: Job | Parcel) -> bool:
        """Tell whether it is too late for it."""
        return to_millis(self.clock.now()) >= one.until

    async def is_moot(self, job: Job) -> bool:
        """Tell whether the assignment that *job* speaks of has moved on. Raises `DependencyDown`."""
        record = job.record()
        note = decode(record).data if job.topic == NOTIFICATIONS else None
        if not isinstance(note, NotificationRequested):
            return False
        return is_moot(note, await self.leads.of(note.lead_id), written_at(record), told=job.told)

    async def finish(self, job: Job) -> None:
        """Let go of a job: it is delivered, or of no use any more."""
        await until_up(lambda: self.deliveries.finish(job.channel, job.id), "deliveries")

    def dead_letter(self, job: Job, why: str) -> Outgoing | None:
        """Return what tells of a job that nobody took; None where it is about a dead letter itself."""
        return given_up(job, why, self.clock.now(), self.workspace, self.topic_prefix)

    async def give_up(self, job: Job, why: str) -> None:
        """Tell of a job that nothing can come of any more, then let go of it."""
        log.error("notification.undelivered", channel=job.channel, message=job.message_id, why=why)
        letter = self.dead_letter(job, why)
        if letter is not None:
            await until_up(lambda: self.publisher.publish([letter]), "dead-letters")
        await until_up(lambda: self.deliveries.finish(job.channel, job.id, forget=True), "deliveries")
