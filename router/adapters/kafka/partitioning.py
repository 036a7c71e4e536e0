"""
Which partition a key belongs to: by the Java client's hash, so that a key stays on its partition whoever publishes it.

aiokafka has the same in plain steps, byte by byte; this reads whole words and takes half of the time, which counts
since each lead is a key of its own.
"""

from __future__ import annotations

import struct
from functools import lru_cache

_SEED = 0x9747B28C
_FACTOR = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=20_000)
def place_of(key: bytes) -> int:
    """Return a number for *key*; modulo the number of partitions it is the one that the key belongs to."""
    return murmur2(key) & 0x7FFFFFFF


def murmur2(data: bytes) -> int:
    """Return MurmurHash2 of *data* in 32 bits, with Kafka's seed."""
    value = (_SEED ^ len(data)) & _32_BITS
    for word in _words(len(data) // 4).unpack_from(data):
        mixed = word * _FACTOR & _32_BITS
        value = (value * _FACTOR ^ (mixed ^ mixed >> 24) * _FACTOR) & _32_BITS
    if rest := len(data) % 4:
        value = (value ^ int.from_bytes(data[-rest:], "little")) * _FACTOR & _32_BITS
    value = (value ^ value >> 13) * _FACTOR & _32_BITS
    return value ^ value >> 15


@lru_cache(maxsize=256)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")
