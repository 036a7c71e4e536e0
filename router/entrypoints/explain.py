"""
`router explain`: a lead's whole story, read from the log and held against the ledger.

Reads only. The ledger knows when it saw the lead first, so that a log of a
year is not read from its beginning.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from router.adapters.redis.leads import RedisLeads
from router.bootstrap import CLOCK, reading
from router.domain.lead_story.shape import Event, LeadStory, Standing
from router.domain.lead_story.tell import tell
from router.errors import BadInput, InvalidEvent
from router.events.base import parse_instant
from router.events.catalogue import catalogue
from router.events.envelope import decode, source
from router.ports import Received, Tail
from router.settings import Settings

BY_LEAD = ("lead-decisions", "lead-assignments", "sla-events")
NOTIFICATIONS = "rep-notifications"

CLOCKS_DIFFER = timedelta(hours=1)
"""What is read from before the ledger's first sight of a lead: the log's times are those of the workers' clocks."""

LEAD_ID = re.compile(r"ld_[0-9a-f]{32}")
HOW = (
    "`router decide FILE` prints the lead_id of a submission (set the ROUTER_SECRET or ROUTER_IDENTITY_KEY that the "
    "workers have); so does every event about it."
)


async def explain(settings: Settings, lead_id: str) -> LeadStory:
    """Return the lead's story; raises `BadInput` where neither ledger nor log has it, `DependencyDown` without them."""
    async with reading(settings) as (tail, leads):
        story = await told(tail, leads, lead_id, CLOCK.now(), workspace=settings.workspace)
    if story is None:
        raise BadInput(_unknown(lead_id, settings))
    return story


async def told(tail: Tail, leads: RedisLeads, lead_id: str, now: datetime, *, workspace: str) -> LeadStory | None:
    """Return the lead's story; None where neither ledger nor log has it. Raises `DependencyDown`."""
    before = await leads.of(lead_id)
    if before is None and not LEAD_ID.fullmatch(lead_id):
        return None  # the router makes no such id: the log need not be read through
    found = await _Found.read(tail, lead_id, before, workspace)
    after = await leads.of(lead_id)
    if not found.events and not found.unread and after is None:
        return None
    story = found.story(lead_id, after, now)
    if not story.now.agrees and before != after:  # what has happened meanwhile is no disagreement
        story = min((found.story(lead_id, before, now), story), key=lambda each: not each.now.agrees)
    return story


@cache
def _adapter() -> TypeAdapter[LeadStory]:
    return TypeAdapter(LeadStory)


def as_json(story: LeadStory) -> dict[str, Any]:
    """Return the story for programs: what `router explain --json` prints."""
    answer: dict[str, Any] = _adapter().dump_python(story, mode="json")
    return answer


@dataclass(slots=True)
class _Found:
    """What the log has of a lead."""

    events: list[Event] = field(default_factory=list)
    unread: int = 0

    @classmethod
    async def read(cls, tail: Tail, lead_id: str, standing: Standing | None, workspace: str) -> _Found:
        since = None if standing is None or standing.first is None else standing.first - CLOCKS_DIFFER
        key, mine, found = lead_id.encode(), source(workspace).encode(), cls()
        async for record in tail.read(BY_LEAD, follow=False, since=since, key=key):
            found._take(record, lead_id, mine)
        async for record in _that_hold(key, tail.read((NOTIFICATIONS,), follow=False, since=since)):
            found._take(record, lead_id, mine)
        return found

    def _take(self, record: Received, lead_id: str, source_of_ours: bytes) -> None:
        if record.headers.get("ce_source") != source_of_ours:  # another workspace's, where two share a prefix
            return
        try:
            event = decode(record)
            at = parse_instant(record.headers["ce_time"].decode())
        except (InvalidEvent, KeyError, ValueError):
            self.unread += 1
            return
        if getattr(event.data, "lead_id", None) == lead_id and event.ce_id is not None:
            self.events.append(Event(event.ce_id, at, event.data))

    def story(self, lead_id: str, standing: Standing | None, now: datetime) -> LeadStory:
        kept = catalogue()[NOTIFICATIONS].retention
        return tell(lead_id, self.events, standing, now, notifications_kept=kept, unread=self.unread)


async def _that_hold(text: bytes, records: AsyncIterator[Received]) -> AsyncIterator[Received]:
    """Yield the records whose value holds *text*: few enough to be read as JSON."""
    async for record in records:
        if text in (record.value or b""):
            yield record


def _unknown(lead_id: str, settings: Settings) -> str:
    where = f"workspace {settings.workspace}"
    if settings.kafka is None or settings.redis_url is None:
        where += f", embedded under {settings.data_dir}"
    if LEAD_ID.fullmatch(lead_id):
        return (
            f"no lead {lead_id} in {where}: neither ledger nor log has it. Ids belong to one workspace and its "
            f"identity key: check ROUTER_WORKSPACE, and the id. {HOW}"
        )
    return f"no lead_id was given: one is ld_ and 32 digits or letters from a to f ({where}). {HOW}"
