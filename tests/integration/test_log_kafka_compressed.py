"""Producers may compress: one that does must not stop those who read beside it."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer  # type: ignore[import-untyped]  # the package ships no types

from tests.logs import KafkaLog, Seen, consuming


@pytest.mark.kafka
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_what_a_producer_has_compressed_is_read(kafka: str, prefix: str, codec: str) -> None:
    """By members of the group and by whoever reads the log for a rebuild or an audit."""
    log, seen = KafkaLog(kafka, prefix), Seen.open()
    await log.create("t")
    values = [b"%d" % number * 100 for number in range(20)]
    async with AIOKafkaProducer(bootstrap_servers=kafka, compression_type=codec, linger_ms=50) as producer:
        await asyncio.gather(*[await producer.send(f"{prefix}t", value, partition=0) for value in values])
    async with asyncio.timeout(25), consuming(log.member("a"), {"t": seen}):
        await seen.until(*values)
    assert [record.value async for record in log.tail().read(["t"], follow=False)] == values
