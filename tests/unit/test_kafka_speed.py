"""What is faster here than in aiokafka and Faust does the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka.partitioner import murmur2 as theirs  # type: ignore[import-untyped]  # the package ships no types
from hypothesis import given
from hypothesis import strategies as st

from router.adapters.kafka import inbox
from router.adapters.kafka.inbox import Inbox
from router.adapters.kafka.partitioning import murmur2

Event = tuple[str, int]


@given(st.binary(max_size=200))
def test_a_key_has_the_hash_that_it_has_in_other_clients(key: bytes) -> None:
    """Every key, of any length, goes to the partition where the Java client and aiokafka put it."""
    assert murmur2(key) == theirs(key) & 0xFFFFFFFF


@given(st.lists(st.integers(1, inbox.BATCH), max_size=40))
def test_an_inbox_gives_everything_once_in_order_and_in_batches(sizes: Sequence[int]) -> None:
    """Events with any numbers of records come out as they went in, together at most a batch's records at a time."""
    taken: list[list[Event]] = []

    async def run() -> None:
        events: Inbox[Event, int] = Inbox(hold=lambda _: None, let_go=lambda _: None)
        for number, size in enumerate(sizes):
            events.put((f"e{number}", size), 0, size, size)
        assert events.unfinished == sum(sizes)
        left = sum(sizes)
        while left:
            batch = list(await events.take())
            taken.append(batch)
            assert events.unfinished == left
            left -= sum(size for _, size in batch)
            assert not events.idle.is_set()
            events.finished()
        assert events.idle.is_set() == bool(sizes)

    asyncio.run(run())
    assert [event for batch in taken for event in batch] == [(f"e{n}", size) for n, size in enumerate(sizes)]
    assert all(sum(size for _, size in batch) <= inbox.BATCH for batch in taken)


async def test_a_partition_is_held_at_the_mark_and_let_go_below_it() -> None:
    """Records count, not events: a few events with many of them fill an inbox as many with one do."""
    held: list[int] = []
    events: Inbox[Event, int] = Inbox(hold=held.append, let_go=held.remove)
    for number in range(inbox.FULL_AT // 1_000):
        assert held == []
        events.put((f"e{number}", 1_000), 3, 1_000, 1)
    assert held == [3]
    while held:
        assert events.unfinished > inbox.ROOM_AT
        await events.take()
        events.finished()
    assert events.unfinished <= inbox.ROOM_AT
