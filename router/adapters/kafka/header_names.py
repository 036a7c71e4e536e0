"""
Lets records be read whose headers have names that are not UTF-8.

To a broker names are bytes; aiokafka takes them for text, and fails on one that is not. It then stands before that
record for ever, and with it every member that is given its partition. Here the name is read with
question marks in it: no name that means anything here has such bytes, so nothing is lost by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka import ConsumerRecord  # type: ignore[import-untyped]  # the package ships no types
from aiokafka.consumer import fetcher  # type: ignore[import-untyped]  # as above
from aiokafka.record.memory_records import MemoryRecords  # type: ignore[import-untyped]  # as above


class _Kept(MemoryRecords):  # type: ignore[misc]  # the package ships no types
    """What was fetched of a partition, with the bytes that it is read from."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _Lenient(fetcher.PartitionRecords):  # type: ignore[misc]  # as above
    """The records of it; begins again with other bytes in place of a name that cannot be read."""

    _records: _Kept
    _aborted_transactions: list[tuple[int, int]]
    _aborted_producers: set[int]

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - the base class's signature
        super().__init__(*arguments, **named)
        self._aborted = list(self._aborted_transactions)

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError as problem:
            other = self._records.data.replace(problem.object, b"?" * len(problem.object))
            if other == self._records.data:  # it is compressed, and what stands there is not what was read
                raise
            self._records, self._check_crcs = _Kept(other), False  # the sum was right, and is not any more
            self._aborted_transactions, self._aborted_producers = list(self._aborted), set()
            yield from self._unpack_records()  # what was given already lies before `next_fetch_offset`


def read_any_header_name() -> None:
    """Have all consumers of this process read so."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Kept, _Lenient
