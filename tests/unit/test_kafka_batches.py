"""What Faust's consumer hands on and commits where a message stands for many records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP, ConsumerMessage

from router.adapters.kafka.batches import Batch, BatchConsumer
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.faust_app import _build_app
from router.adapters.kafka.reading import written_at

PLACE = TP("t", 0)


@pytest.fixture
async def consumer() -> AsyncIterator[BatchConsumer]:
    """Give a consumer that has joined no group."""
    app = _build_app(KafkaConnection("127.0.0.1:1"), "g")
    cast("Any", app.topics)._acking_topics.add("t")
    yield cast("BatchConsumer", app.consumer)
    assert app.thread is not None
    app.thread.thread_loop.close()


def message(offset: int) -> ConsumerMessage:
    """Return a message whose last record has that offset."""
    return ConsumerMessage("t", 0, offset, 0.0, 0, None, None, b"", None, tp=PLACE)


async def test_only_what_was_handled_is_committed(consumer: BatchConsumer) -> None:
    """A stream that acknowledges a message it has skipped, or that was dropped, commits nothing."""
    skipped = message(20)
    assert not consumer.ack(skipped)
    assert consumer._new_offset(PLACE) is None
    consumer.handled(cast("Batch", SimpleNamespace(message=message(9))))
    assert consumer._new_offset(PLACE) == 10


async def test_what_is_written_after_a_log_has_lost_its_end_is_read(consumer: BatchConsumer) -> None:
    """Offsets that were there before are not passed over when they come again with other records."""
    handed_on: list[int] = []
    rounds = iter(([message(999)], [message(899)]))

    async def getmany(timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ARG001, ASYNC109 - Faust's
        for one in next(rounds, ()):
            yield PLACE, one
            return
        consumer._stopped.set()

    async def hand_on(one: ConsumerMessage) -> None:
        handed_on.append(one.offset)

    consumer.getmany = getmany  # type: ignore[method-assign]  # what was fetched
    consumer.callback = hand_on  # type: ignore[assignment]  # what is handed on
    await consumer._drain_messages(cast("Any", SimpleNamespace(should_stop=False, _stopped=consumer._stopped)))
    assert handed_on == [999, 899]


@pytest.mark.parametrize("timestamp", [1_772_460_309_123_000, 2**63 - 1, -1, 0])
def test_a_wild_timestamp_is_some_instant(timestamp: int) -> None:
    """Whoever reads the log for a rebuild or an audit gets past a record that was stamped in microseconds."""
    assert 1970 <= written_at(SimpleNamespace(timestamp=timestamp)).year <= 9000
