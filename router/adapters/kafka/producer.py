"""
Publishes to Kafka in batches, and stays usable through any outage.

Records are packed into one batch a partition here, since aiokafka's `send` costs
several times as much for each record. Its idempotent mode is left off: after
an outage longer than a batch's life it ends in a state from which that producer
never recovers, while repeats are harmless here, every output being known by id.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.errors import (  # type: ignore[import-untyped]  # as above
    KafkaError,
    MessageSizeTooLargeError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)

from router.adapters.kafka.closing import close, lost_connections
from router.adapters.kafka.connection import KafkaConnection
from router.adapters.kafka.partitioning import place_of
from router.errors import DependencyDown
from router.ports import Outgoing

DELIVERED_WITHIN = 10.0
KNOWN_WITHIN = 3.0  # a topic just made takes a moment to be known everywhere
BATCH_BYTES = 512 * 1024  # half of a broker's default limit, which is on batches; one larger record goes alone
RETIRED_WITHIN = 30.0
NOT_BEGUN_WITHIN = 1.0  # one that did not start has nothing on its way, and others wait for the next


class KafkaPublisher:
    """Writes to Kafka; `start` is optional and tells early that no broker is there."""

    def __init__(self, connection: KafkaConnection, topic_prefix: str) -> None:
        self._connection = connection
        self._prefix = topic_prefix
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect; raises `DependencyDown` when no broker answers."""
        await self.publish([])

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return when all in-sync replicas have all *records*; raises `DependencyDown` when that cannot be said."""
        producer = None
        try:
            async with asyncio.timeout(DELIVERED_WITHIN):
                with lost_connections():
                    producer = await self._connected()
                    await self._deliver(producer, records)
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            raise DependencyDown(
                "Kafka refuses a record as too large: raise max.message.bytes of its topic."
            ) from error
        except UnknownTopicOrPartitionError as error:
            self._retire(producer)  # it may be the one that knows nothing any more: its metadata task can die unseen
            raise DependencyDown(
                f"Kafka has no topic {error.args[0]}. Make the topics with `router topics create`."
            ) from error
        except (KafkaError, OSError, TimeoutError) as error:
            self._retire(producer)
            raise DependencyDown(
                f"Kafka at {self._connection.bootstrap} took no records: {str(error) or type(error).__name__}."
            ) from error

    async def aclose(self) -> None:
        """Close the connections, after what is on its way."""
        self._retire(self._producer)
        await asyncio.gather(*self._retiring)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all",
                    linger_ms=0,  # a publish is a batch already: nothing to wait for
                    max_batch_size=BATCH_BYTES,
                    request_timeout_ms=int(DELIVERED_WITHIN * 1000),
                    **self._connection.client_arguments(),
                )
                try:
                    await producer.start()
                except BaseException:
                    await close(producer, NOT_BEGUN_WITHIN)
                    raise
                self._producer = producer
            return self._producer

    async def _deliver(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        by_partition: defaultdict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        partitions: dict[str, list[int]] = {}
        anywhere = random.randrange(1 << 16)  # noqa: S311 - records without a key go together, to one of a topic's
        for record in records:
            if (known := partitions.get(record.topic)) is None:
                known = partitions[record.topic] = sorted(await self._partitions(producer, self._prefix + record.topic))
            place = anywhere if record.key is None else place_of(record.key)
            by_partition[record.topic, known[place % len(known)]].append(record)
        await asyncio.gather(*(self._send(producer, *to, batch) for to, batch in by_partition.items()))

    async def _partitions(self, producer: AIOKafkaProducer, topic: str) -> set[int]:
        try:
            async with asyncio.timeout(KNOWN_WITHIN):
                return set(await producer.partitions_for(topic))
        except TimeoutError as error:
            raise UnknownTopicOrPartitionError(topic) from error

    async def _send(self, producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Outgoing]) -> None:
        deliveries = []
        batch = producer.create_batch()
        for record in records:
            headers = list(record.headers.items())
            while batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is None:
                deliveries.append(await producer.send_batch(batch, self._prefix + topic, partition=partition))
                batch = producer.create_batch()
        batch.close()
        deliveries.append(await producer.send_batch(batch, self._prefix + topic, partition=partition))
        await asyncio.gather(*deliveries)

    def _retire(self, producer: AIOKafkaProducer | None) -> None:
        """Part with a producer that failed; what others have on their way in it may still arrive."""
        if producer is not None and producer is self._producer:
            self._producer = None
            task = asyncio.create_task(close(producer, RETIRED_WITHIN))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
