"""A header name that is not UTF-8 stops nobody: all records are read, with values and order as they were."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.consumer import fetcher  # type: ignore[import-untyped]  # as above
from aiokafka.record.default_records import DefaultRecordBatchBuilder  # type: ignore[import-untyped]  # as above
from aiokafka.record.util import calc_crc32c  # type: ignore[import-untyped]  # as above

from router.adapters.kafka.header_names import read_any_header_name

CHECKED_FROM, SUM_AT = 21, 17  # bytes of a batch


def batch(*names: bytes) -> bytes:
    """Return a batch as a broker gives it, of one record for each header name."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=100_000,
    )
    for number, name in enumerate(names):
        stand_in = f"name{number}".ljust(len(name), "-")
        builder.append(number, timestamp=1, key=b"k", value=b"value %d" % number, headers=[(stand_in, b"h")])
    data = bytes(builder.build())
    for number, name in enumerate(names):
        data = data.replace(f"name{number}".ljust(len(name), "-").encode(), name)
    return data[:SUM_AT] + struct.pack(">I", calc_crc32c(data[CHECKED_FROM:])) + data[CHECKED_FROM:]


def read(data: bytes) -> Sequence[tuple[int, bytes, str]]:
    """Return what a consumer reads of it: offset, value and the name of the header."""
    records = fetcher.PartitionRecords(
        TopicPartition("t", 0), fetcher.MemoryRecords(data), [], 0, None, None, check_crcs=True, isolation_level=0
    )
    return [(record.offset, record.value, record.headers[0][0]) for record in records]


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave aiokafka to the other tests as they know it."""
    for name in ("MemoryRecords", "PartitionRecords"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
    read_any_header_name()


def test_a_name_that_is_not_text_stops_nobody() -> None:
    """The records before it, of it and behind it come once each, in order; only the name has question marks."""
    found = read(batch(b"trace-1", b"tr\xffce-22", b"trace-3", b"\xfe\xfe\xfe\xfe\xfe\xfe", b"trace-5"))
    assert [(offset, value) for offset, value, _ in found] == [(n, b"value %d" % n) for n in range(5)]
    assert [name for _, _, name in found] == ["trace-1", "????????", "trace-3", "??????", "trace-5"]


def test_what_can_be_read_is_read_as_ever() -> None:
    """Names of any alphabet stay as they are."""
    assert [name for _, _, name in read(batch("spår-id".encode(), b"ce_type"))] == ["spår-id", "ce_type"]
