"""
Faust's consumer with one event for all that was fetched of a partition at once.

Faust makes a message, an event and an acknowledgement of each record, and four
tasks to hand it over, which together cost more than deciding about it. What it does
with an event does not depend on what is in it, so here a batch of records goes the
same way as one: through the conductor, a topic's channel and its agent, to one
acknowledgement. Its message has the offset of the last record.

Two things in Faust count offsets one by one and have to be told that they may be
further apart: what to commit, and what it calls gaps. Both rest on the order in which
`faust_app` says what is handled, which is that of each partition. So nobody else may:
a stream of Faust's acknowledges what it skips when partitions go elsewhere, or the app
ends (its version in C does not).

And Faust drops what lies below the highest offset that it has read. Where a log has lost
its end, by a power cut or an unclean election, what is written there later has such
offsets; here it is read, and what is read twice is a repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import faust
from aiokafka import ConsumerRecord  # type: ignore[import-untyped]  # the package ships no types
from faust.streams import Stream
from faust.transport.drivers.aiokafka import Consumer
from faust.types import TP, ChannelT, ConsumerMessage, EventT, Message, StreamT
from mode.services import WaitResults

from router.adapters.kafka.inbox import Inbox
from router.ports import Received

Records = Sequence[ConsumerRecord]


class _NowhereYet(dict[TP, int | None]):
    """Faust's note of how far each partition was read, which stays empty."""

    def __missing__(self, partition: TP) -> None:
        """Say that nothing was read."""

    def __setitem__(self, partition: TP, offset: int | None) -> None:
        """Note nothing."""

    def update(self, *_: object, **__: object) -> None:
        """Note nothing."""


Batch = EventT[Records]


def received(topic: str, batches: Sequence[Batch], at: datetime) -> list[Received]:
    """Return the records of *batches* as the port has them; *topic* is the short name."""
    return [
        Received(topic, record.partition, record.offset, record.key, record.value, dict(record.headers), at)
        for batch in batches
        for record in cast("Records", batch.value)
    ]


class BatchConsumer(Consumer):
    """Gives the records of one fetch and partition as one message, and hands it over without a task."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - the base class's signature
        super().__init__(*arguments, **named)
        self._read_offset = _NowhereYet()

    def ack(self, message: Message) -> bool:  # noqa: ARG002 - whichever it is
        """Take no stream's word for it."""
        return False

    def handled(self, event: Batch) -> None:
        """Let the records of *event* be committed."""
        super().ack(event.message)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109 - the base class's signature
        """Wrap each partition's records, so that what follows takes them for one."""
        fetched, active = await super()._wait_next_records(timeout)
        return {partition: [records] for partition, records in (fetched or {}).items() if records}, active

    def _to_message(self, tp: TP, record: Records) -> ConsumerMessage:
        message = super()._to_message(tp, record[-1])
        message.value = record  # type: ignore[assignment]  # nothing in Faust looks into a raw value
        message.serialized_value_size = sum(each.serialized_value_size for each in record)
        return message

    def _new_offset(self, tp: TP) -> int | None:
        """Return the place after the last record that was acknowledged: all before it were, or were never there."""
        acknowledged = self._acked[tp]
        if not acknowledged:
            return None
        last = max(acknowledged)
        self._acked_index[tp].difference_update(acknowledged)
        acknowledged.clear()
        return last + 1

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Take no note of offsets between two messages: the later one's acknowledgement goes for them too."""

    async def wait_first(
        self,
        *coros: Any,  # noqa: ANN401 - the base class's signature
        timeout: Any = None,  # noqa: ANN401, ASYNC109 - as above
    ) -> WaitResults:
        """
        Wait for the first of *coros*.

        The fetcher calls this for each message with the hand-over and with the
        signal that flow is suspended. While flow is active the hand-over alone
        waits only for room in a queue, which suspension empties.
        """
        if len(coros) == 1 or not (self.flow_active and self.app.flow_control.is_active()):
            return await super().wait_first(*coros, timeout=timeout)
        hand_over, suspended = coros
        suspended.close()
        await hand_over
        return WaitResults([hand_over], [None], stopped=False)


def inbox_of(app: faust.App, name: str) -> Inbox[Batch, TP]:
    """Let an agent fill the inbox that is returned from the topic *name*."""
    topic = app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    inbox: Inbox[Batch, TP] = Inbox(
        hold=lambda tp: app.consumer.on_buffer_full(tp),  # noqa: PLW0108 - the consumer is not there yet
        let_go=lambda tp: app.consumer.on_buffer_drop(tp) if tp in app.consumer.assignment() else None,
    )

    def put(event: Batch) -> None:
        # What was fetched before the partitions were last dealt out comes again. Handled now, it would be
        # acknowledged ahead of earlier events that were dropped then, and so lose those.
        message = event.message
        if message.generation_id == app.consumer_generation_id and app.flow_control.is_active():
            partition = TP(message.topic, message.partition)  # not `message.tp`, which is aiokafka's own type
            inbox.put(event, partition, len(event.value), message.serialized_value_size)

    async def read(stream: StreamT[Records]) -> None:
        waiting = cast("ChannelT[Records]", stream.channel).queue
        unacknowledged = cast("Stream[Records]", cast("Stream[Records]", stream).noack())
        async for event in unacknowledged.events():
            put(event)
            while not waiting.empty():  # the stream gives one event a turn of the loop; take the rest at once
                put(waiting.get_nowait())

    app.agent(topic, name=f"read-{name}")(read)
    return inbox
