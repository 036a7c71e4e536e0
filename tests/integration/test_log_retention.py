"""The embedded log forgets what is old, and never what somebody still needs."""

from __future__ import annotations

from datetime import datetime, timedelta

from router.adapters.embedded.retention import StreamRetention
from router.adapters.embedded.streams import StreamPublisher
from router.ports import Outgoing
from tests.logs import EmbeddedLog, Seen, consuming, now


async def _trim(url: str, prefix: str, at: datetime) -> int:
    retention = StreamRetention(url, prefix, {"t": timedelta(days=1)}, lambda: at)
    try:
        return await retention.trim("t")
    finally:
        await retention.aclose()


async def test_old_records_go_once_every_group_has_acknowledged_them(valkey: str, prefix: str) -> None:
    """A record past its retention stays while a group has it unfinished or unread, and goes after that."""
    log = EmbeddedLog(valkey, prefix)
    old = StreamPublisher(valkey, prefix, lambda: now() - timedelta(days=2))
    young = log.publisher()
    await old.publish([Outgoing("t", None, b"%d" % n) for n in range(5)])
    await young.publish([Outgoing("t", None, b"young")])
    seen = Seen()
    async with consuming(log.member("a"), {"t": seen}):
        await seen.until_started(6)
        assert await _trim(valkey, prefix, now()) == 0
        seen.opened.set()
        await seen.until(b"young")
    assert await _trim(valkey, prefix, now()) == 5
    await old.publish([Outgoing("t", None, b"unread")])
    assert await _trim(valkey, prefix, now() + timedelta(days=3)) == 1, "the young one, now old; the unread one stays"
    tail = log.tail()
    assert [record.value async for record in tail.read(["t"], follow=False)] == [b"unread"]
    for each in (old, young, tail):
        await each.aclose()
