"""
Where a member of a group begins to read: what was committed of its partitions, asked for all of them at once.

aiokafka asks for one partition after another. With sixty of them on a slow network, or a busy machine, that takes many
seconds of every join, in which the group's other requests wait behind it on the same connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition  # type: ignore[import-untyped]  # the package ships no types


async def seek_to_committed(consumer: AIOKafkaConsumer) -> Mapping[TopicPartition, int | None]:
    """Let *consumer* go on where its group was, and return that of each of its partitions; None where it never was."""
    wanted = list(consumer.assignment())
    found = await consumer._coordinator.fetch_committed_offsets(wanted)  # noqa: SLF001 - `committed` takes one only
    offsets = {each: found[each].offset if each in found else None for each in wanted}
    still = consumer.assignment()  # partitions may have been dealt out anew meanwhile
    for each, offset in offsets.items():
        if each in still:  # from the beginning, too: what was fetched before this is dropped
            consumer.seek(each, offset or 0)
    return offsets
