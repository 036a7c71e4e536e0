"""
From the log into the queue of deliveries: a batch is committed when all that follows from it is kept.

A record that cannot be read becomes a dead letter and holds up nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from router.adapters.redis.deliveries import Parcel
from router.entrypoints.notifier.post import Post
from router.errors import InvalidEvent
from router.events.envelope import dead_letter, decode
from router.events.notification import NotificationRequested
from router.pipeline.runner import until_up
from router.pipeline.telling import DEAD_LETTERS, TOPICS, Job, jobs, written_at
from router.ports import BatchHandler, Outgoing, Received

log = structlog.get_logger()

BEFORE_OUR_TIME = 3_600_000
"""Milliseconds: what is older than that when the first notifier begins is history, and told to nobody."""


class Intake:
    """
    Takes in what the log has.

    * **begun** - when the first notifier of this workspace began, in ms.
    * **noted** - is called when there is something to deliver.
    """

    def __init__(self, post: Post, *, begun: int, noted: Callable[[], None]) -> None:
        self._post = post
        self._begins = begun - BEFORE_OUR_TIME
        self._noted = noted

    def handlers(self) -> Mapping[str, BatchHandler]:
        """Return the handler of each topic: of all that a rule may name, so that a rule holds from when it is there."""
        return dict.fromkeys(TOPICS, self._handle)

    async def _handle(self, records: Sequence[Received]) -> None:
        wanted: list[Job] = []
        letters: list[Outgoing] = []
        for record in records:
            try:
                wanted += self._jobs(record)
            except InvalidEvent as refused:
                letters += self._refusal(record, refused)
            except Exception as bug:  # the edge: what fails on an event is a bug, and its event a dead letter
                log.exception("event.failed", topic=record.topic, partition=record.partition, offset=record.offset)
                why = f"the router failed on it: {type(bug).__name__}"
                letters += self._refusal(record, InvalidEvent("processing_failed", why))
        if wanted:
            await until_up(lambda: self._keep(wanted), "deliveries")
            self._noted()
        if letters:
            await until_up(lambda: self._post.publisher.publish(letters), DEAD_LETTERS)

    def _jobs(self, record: Received) -> list[Job]:
        rules, channels = self._post.in_use.rules, self._post.in_use.channels
        if not any(rule.kinds or record.topic in rule.events for rule in rules) or written_at(record) < self._begins:
            return []
        is_note = record.topic == TOPICS[0]
        if not is_note and not any(record.topic in rule.events for rule in rules):
            return []
        data = decode(record).data
        return list(jobs(record, data if isinstance(data, NotificationRequested) else None, rules, channels))

    async def _keep(self, wanted: Sequence[Job]) -> None:
        parcels = [Parcel(job.channel, job.id, job.until, job.as_json()) for job in wanted]
        refused = await self._post.deliveries.put(parcels)
        full = [job for job in wanted if job.id in refused]
        if full:
            log.error("channel.full", channels=sorted({job.channel for job in full}), refused=len(full))
            letters = [self._post.dead_letter(job, "too much waits for it") for job in full]
            await self._post.publisher.publish([one for one in letters if one is not None])

    def _refusal(self, record: Received, refused: InvalidEvent) -> list[Outgoing]:
        where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        log.warning("event.refused", code=refused.code, **where)
        if record.topic == DEAD_LETTERS:
            return []
        topic, now = self._post.topic_prefix + record.topic, self._post.clock.now()
        return [dead_letter(record, refused.code, refused.detail, now, self._post.workspace, topic)]
