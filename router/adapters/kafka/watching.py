"""
Looks after a consumer from outside, since aiokafka and Faust can stand still without a word.

What was read from their source (aiokafka 0.14.0, Faust 0.15.3), and was seen:

- An error of coordination that is not to be retried is put down for whoever asks
  `check_errors`, and coordination stands until then. Faust never asks; during a
  join nobody else waits for a record who could be told.
- A fetching or metadata task that dies tells nobody.
- Other silences have been reported of Faust's consumers and never explained
  (faust-streaming 175, 523, 640). So what counts is also looked at: whether
  records that stand in the log are fetched.

One thing is not seen: an error of a whole OffsetFetch response (from its second
version on) is taken by aiokafka for "nothing was committed", and the partition
is read from its beginning. Those are repeats, which every handler takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.closing import close, lost_connections
from router.adapters.kafka.connection import KafkaConnection

CHECKS_EVERY = 0.5  # seconds: what a consumer knows of itself
LOOKS_EVERY = 5.0  # seconds: what stands in the log, which asks a broker
SILENT_LOOKS = 3  # a partition is behind and does not move for as many more: fifteen seconds
UNSETTLED_LOOKS = 4  # joining a group takes at most SESSION and REBALANCE, that is twelve seconds; this is twenty
ANSWERS_WITHIN = 5.0


class ConsumerStands(Exception):
    """A consumer that gives no records, and will not by itself."""


class Member(Protocol):
    """A member of a group as its watch sees it."""

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """What aiokafka has of it, maybe in another thread; None before there is one."""

    @property
    def flows(self) -> bool:
        """Whether records are asked for: partitions are dealt out, and nothing holds up all of them."""

    def has_room(self, topic: str) -> bool:
        """Whether records of *topic* would be taken, and none is waiting or in work."""


class Box(Protocol):
    """Where records wait for their handler."""

    @property
    def unfinished(self) -> int:
        """How many wait or are in work."""


class Watch:
    """Watches one member of a group; it only reads, as another thread may be writing."""

    def __init__(self, connection: KafkaConnection, member: Member) -> None:
        self._connection = connection
        self._member = member
        self._behind: dict[TopicPartition, tuple[int | None, int]] = {}
        self._unsettled = 0

    async def until_it_stands(self) -> Exception:
        """Return why the member gives no more records, once that is certain."""
        clock = asyncio.get_running_loop().time
        looked = clock()
        while True:
            await asyncio.sleep(CHECKS_EVERY)
            if (consumer := self._member.consumer) is None:
                continue
            if (problem := problem_of(consumer)) is not None:
                return problem
            if clock() - looked >= LOOKS_EVERY:
                looked = clock()
                if (silence := await self._look(consumer)) is not None:
                    return silence

    async def _look(self, consumer: AIOKafkaConsumer) -> ConsumerStands | None:
        positions = _positions(consumer)
        settled = self._member.flows or not (positions or _is_joining(consumer))
        if settled:
            positions = {each: at for each, at in positions.items() if self._member.has_room(each.topic)}
        try:
            ends = await self._ends(positions if settled else ())
        except (KafkaError, OSError, TimeoutError):  # a broker that is away explains any silence
            self._behind, self._unsettled = {}, 0
            return None
        if not settled:
            self._behind, self._unsettled = {}, self._unsettled + 1
            return ConsumerStands("it does not come to partitions") if self._unsettled >= UNSETTLED_LOOKS else None
        self._unsettled = 0
        return self._silence(positions, ends)

    def _silence(
        self, positions: Mapping[TopicPartition, int | None], ends: Mapping[TopicPartition, int]
    ) -> ConsumerStands | None:
        before, self._behind = self._behind, {}
        for each, position in positions.items():
            if position is not None and position >= ends[each]:
                continue
            was_at, looks = before.get(each, (position, -1))
            self._behind[each] = (position, looks + 1 if was_at == position else 0)
            if self._behind[each][1] >= SILENT_LOOKS:
                where = "nowhere" if position is None else position
                return ConsumerStands(f"{each.topic}/{each.partition} stands at {where} and ends at {ends[each]}")
        return None

    async def _ends(self, partitions: Collection[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Ask for the ends of *partitions* by a connection of its own: the consumer's may be what is broken."""
        client = AIOKafkaConsumer(
            group_id=None, request_timeout_ms=int(ANSWERS_WITHIN * 1000), **self._connection.client_arguments()
        )
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                with lost_connections():
                    await client.start()
                    await asyncio.sleep(0)  # for its tasks to begin: one that is cancelled before that breaks `stop`
                    found: Mapping[TopicPartition, int] = await client.end_offsets(partitions)
                    return found
        finally:
            await close(client, ANSWERS_WITHIN)


def problem_of(consumer: AIOKafkaConsumer) -> Exception | None:
    """Return what has ended a part of *consumer* that it cannot do without, or None."""
    pending: Exception | None = getattr(consumer._coordinator, "_pending_exception", None)  # noqa: SLF001 - the one place
    if pending is not None:
        return pending
    for name, task in _tasks(consumer):
        if task is not None and task.done():
            cause = None if task.cancelled() else task.exception()
            problem = ConsumerStands(f"its {name} ended{f': {cause!r}' if cause else ''}")
            problem.__cause__ = cause
            return problem
    return None


def _tasks(consumer: AIOKafkaConsumer) -> Iterator[tuple[str, asyncio.Task[None] | None]]:
    """Yield the tasks that run as long as the consumer does; some are not there before it has started."""
    yield "coordination", getattr(consumer._coordinator, "_coordination_task", None)  # noqa: SLF001 - has no other name
    yield "fetching", getattr(consumer._fetcher, "error_future", None)  # noqa: SLF001 - as above
    yield "metadata", consumer._client._sync_task  # noqa: SLF001 - as above


def _positions(consumer: AIOKafkaConsumer) -> dict[TopicPartition, int | None]:
    subscription = consumer._subscription.subscription  # noqa: SLF001 - `assignment()` and `position()` wait or raise
    assignment = None if subscription is None else subscription.assignment
    if assignment is None:
        return {}
    states = {each: assignment.state_value(each) for each in assignment.tps}
    return {each: state._position for each, state in states.items()}  # noqa: SLF001 - `position` asserts that there is one


def member_id(consumer: AIOKafkaConsumer | None) -> str | None:
    """Return what the coordinator calls *consumer*; None before it has."""
    return getattr(consumer and consumer._coordinator, "member_id", None) or None  # noqa: SLF001 - has no other name


def unfinished(consumer: AIOKafkaConsumer | None, inboxes: Mapping[str, Box], prefix: str) -> Mapping[str, int]:
    """Return how many records of each topic are not fetched, as far as *consumer* knows the ends, or not handled."""
    found = {topic: box.unfinished for topic, box in inboxes.items()}
    subscription = consumer and consumer._subscription.subscription  # noqa: SLF001 - as above
    if not subscription or subscription.assignment is None:
        return found
    for each in subscription.assignment.tps:
        state = subscription.assignment.state_value(each)
        if state._position is not None and state.highwater is not None:  # noqa: SLF001 - as above
            found[each.topic.removeprefix(prefix)] += max(0, state.highwater - state._position)  # noqa: SLF001 - as above
    return found


def _is_joining(consumer: AIOKafkaConsumer) -> bool:
    subscription = consumer._subscription.subscription  # noqa: SLF001 - as above
    return subscription is None or subscription._reassignment_in_progress  # noqa: SLF001 - as above
