"""The log that the settings name, on Kafka or embedded, and the clock that all processes go by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from router.adapters.embedded.book import StreamLogBook
from router.adapters.embedded.forgetting import StreamForgetting
from router.adapters.embedded.progress import progress
from router.adapters.embedded.retention import StreamRetention
from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.events.catalogue import catalogue
from router.pipeline import ANY_ORDER
from router.ports import Group, LogBook, Progress, Publisher, Source, Tail
from router.settings import Settings


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the edge: here it comes from


CLOCK = SystemClock()
CLOSES_WITHIN = 1.0  # seconds; what a broker that is away has not taken by then stands in the outbox


async def nowhere(topics: Sequence[str]) -> Progress:  # noqa: ARG001 - of any
    """Return how far workers have come that never ran."""
    return {}


@dataclass(frozen=True, slots=True)
class Log:
    """
    The log, ready to use.

    * **source** - reads it as one of the workers; **source_for** - as a member of another group, for this purpose.
    * **retention** - trims the embedded log; a broker does that by itself.
    * **progress** - asks how far the workers have come with these topics.
    * **group** - the workers as the broker knows them; the embedded log finds out by itself who has died.
    * **forgetting** - removes single records, which only the embedded log can.
    """

    publisher: Publisher
    source: Source
    source_for: Callable[[str], Source]
    tail: Tail
    retention: StreamRetention | None
    progress: Callable[[Sequence[str]], Awaitable[Progress]] = nowhere
    forgetting: StreamForgetting | None = None
    group: Group | None = None


@asynccontextmanager
async def open_book(settings: Settings, url: str | None) -> AsyncIterator[LogBook]:
    """Open what the log says of itself."""
    prefix, now = settings.topic_prefix, CLOCK.now
    if url is not None:
        streams = StreamLogBook(url, prefix, now)
        try:
            yield streams
        finally:
            await streams.aclose()
        return
    from router.adapters.kafka.book import KafkaLogBook  # noqa: PLC0415 - as in `_kafka_log`
    from router.adapters.kafka.connection import KafkaConnection  # noqa: PLC0415 - the same

    yield KafkaLogBook(KafkaConnection(str(settings.kafka), settings.kafka_options()), prefix, now)


@asynccontextmanager
async def open_log(settings: Settings, url: str | None, consumer: str) -> AsyncIterator[Log]:
    """Open the log: the embedded one at *url*, where *consumer* names who reads it, or else Kafka."""
    if url is None:
        async with _kafka_log(settings) as log:
            yield log
        return
    prefix, now = settings.topic_prefix, CLOCK.now
    streams = StreamPublisher(url, prefix, now)
    tail = StreamTail(url, prefix, now)
    retention = StreamRetention(url, prefix, {name: topic.retention for name, topic in catalogue().items()}, now)

    forgetting = StreamForgetting(url, prefix, now)

    def source_for(purpose: str = "") -> Source:
        return StreamSource(url, prefix, group=group_of(settings, purpose), consumer=consumer, now=now)

    def progress_with(topics: Sequence[str]) -> Awaitable[Progress]:
        return progress(url, prefix, group_of(settings, ""), topics)

    try:
        yield Log(streams, source_for(), source_for, tail, retention, progress_with, forgetting)
    finally:
        await forgetting.aclose()
        await streams.aclose()
        await tail.aclose()


@asynccontextmanager
async def _kafka_log(settings: Settings) -> AsyncIterator[Log]:
    # Faust and its kin take a quarter of a second to import: who runs on the embedded log does not pay for them.
    from router.adapters.kafka.admin import KafkaAdmin  # noqa: PLC0415
    from router.adapters.kafka.connection import KafkaConnection  # noqa: PLC0415
    from router.adapters.kafka.consumer import KafkaTail  # noqa: PLC0415
    from router.adapters.kafka.faust_app import FaustSource  # noqa: PLC0415
    from router.adapters.kafka.first_contact import first_contact  # noqa: PLC0415
    from router.adapters.kafka.producer import KafkaPublisher  # noqa: PLC0415

    prefix, now = settings.topic_prefix, CLOCK.now
    kafka = KafkaConnection(str(settings.kafka), settings.kafka_options())
    publisher = KafkaPublisher(kafka, prefix)
    with first_contact(kafka):
        await publisher.start()

    def source_for(purpose: str = "") -> FaustSource:
        any_order = () if purpose else ANY_ORDER
        return FaustSource(kafka, prefix, group=group_of(settings, purpose), now=now, any_order=any_order)

    async def progress_with(topics: Sequence[str]) -> Progress:
        committed = await KafkaAdmin(kafka).committed(group_of(settings, ""))
        short = {prefix + topic: topic for topic in topics}
        return {(short[name], part): offset for (name, part), offset in committed.items() if name in short}

    workers = source_for()
    try:
        yield Log(publisher, workers, source_for, KafkaTail(kafka, prefix, now), None, progress_with, group=workers)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN):
                await publisher.aclose()


def group_of(settings: Settings, purpose: str) -> str:
    """Name the group of the log that works for a purpose; without one, that of the workers."""
    return f"router-{settings.workspace}" + (f"-{purpose}" if purpose else "")
