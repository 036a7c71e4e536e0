"""
How a record of the log looks as an entry of a Redis Stream.

Entry ids are `0-1`, `0-2`, ...: the server counts them, so an offset is a whole
number as on Kafka. There is one partition, 0. Fields: `k` key and `v` value
(absent for null), `t` when it was written in ms, and `h:NAME` for each header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from router.ports import Outgoing, Received

Fields = Mapping[bytes, bytes]
Stamp = Callable[[], datetime]

PARTITION = 0
NEXT_ID = "0-*"
KEY, VALUE, WRITTEN_AT = b"k", b"v", b"t"
_HEADER = b"h:"


def stream_key(prefix: str, topic: str) -> str:
    """Return the key of *topic*'s stream; all streams of a prefix share one hash slot."""
    return f"{{log:{prefix}}}{topic}"


def entry_id(offset: int) -> str:
    """Return the id of the entry at *offset*."""
    return f"0-{offset}"


def offset_of(identifier: bytes) -> int:
    """Return the offset of an entry's id."""
    return int(identifier.partition(b"-")[2])


def to_words(record: Outgoing, written_at_ms: bytes) -> list[bytes]:
    """Return the fields of *record*, name after name and value."""
    words = [WRITTEN_AT, written_at_ms]
    if record.key is not None:
        words += (KEY, record.key)
    if record.value is not None:
        words += (VALUE, record.value)
    for name, value in record.headers.items():
        words += (_HEADER + name.encode(), value)
    return words


def to_received(topic: str, identifier: bytes, fields: Fields, received_at: datetime) -> Received:
    """Return the record that an entry holds."""
    return Received(
        topic=topic,
        partition=PARTITION,
        offset=offset_of(identifier),
        key=fields.get(KEY),
        value=fields.get(VALUE),
        headers={name[2:].decode(): value for name, value in fields.items() if name.startswith(_HEADER)},
        received_at=received_at,
        written_ms=int(fields.get(WRITTEN_AT, b"0")),
    )
