"""
`router dead-letters`: what could not be processed, and sending it again after a fix.

What is sent again goes to the topic it came from, as it was, and the router
takes it as it takes anything: what fails again is another dead letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

import structlog
from redis.asyncio import Redis

from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.replayed import Replayed
from router.bootstrap import CLOCK, Log, operating
from router.entrypoints.worker import expect_same_key
from router.errors import BadInput, InvalidEvent
from router.events.base import parse_instant, rfc3339
from router.events.rejection import RejectCode
from router.pipeline.letters import PLACE, TOPIC, Letter, Wanted, letter_of, original
from router.pipeline.persons import leads_in
from router.policy.shapes import parse_duration
from router.ports import Outgoing, Received, Tail
from router.settings import Settings, identity_key

log = structlog.get_logger()

AT_ONCE = 200  # records published before they are noted as sent
CLOCKS_DIFFER = timedelta(hours=1)
ERASED = "the person was erased"
SENT_BEFORE = "sent again at {at}; --again sends it once more"


@dataclass(frozen=True, slots=True)
class Kept:
    """One letter as it is listed; `replayed_at` is when it was sent again last."""

    letter: Letter
    replayed_at: datetime | None

    def as_json(self, *, value: bool) -> Mapping[str, Any]:
        """Return it for programs; with *value*, what the record held, personal data and all."""
        event = self.letter.event
        told = {
            "id": self.letter.id,
            "place": self.letter.place,
            "source_topic": event.source_topic,
            "source_partition": event.source_partition,
            "source_offset": event.source_offset,
            "code": event.code,
            "detail": event.detail,
            "rejected_at": rfc3339(event.rejected_at),
            "replayed_at": None if self.replayed_at is None else rfc3339(self.replayed_at),
        }
        return {**told, "headers": event.headers, "value_base64": event.value_base64} if value else told


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay came to, or would come to: the letters sent again, and the others with the reason."""

    sent: Sequence[Letter]
    left: Sequence[tuple[Letter, str]]
    dry_run: bool

    def as_json(self) -> Mapping[str, Any]:
        """Return it for programs."""
        return {
            "dry_run": self.dry_run,
            "replayed": [{"id": one.id, "place": one.place, "code": one.event.code} for one in self.sent],
            "left": [{"id": one.id, "place": one.place, "why": why} for one, why in self.left],
        }


def wanted(places: Sequence[str], code: str | None, topic: str | None, since: str | None, now: datetime) -> Wanted:
    """Read what a user asks for; raises `BadInput`."""
    for place in places:
        if not PLACE.fullmatch(place):
            raise BadInput(
                f"{place!r} is no place: `router dead-letters list` shows them, as in form-submissions/3/120."
            )
    if code is not None and code not in get_args(RejectCode):
        raise BadInput(f"--code {code}: no such code. There are {', '.join(get_args(RejectCode))}.")
    return Wanted(tuple(places), code, topic, None if since is None else _moment(since, now))


def _moment(text: str, now: datetime) -> datetime:
    try:
        return now - timedelta(milliseconds=parse_duration(text).millis)
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except ValueError:
        raise BadInput(
            f"--since {text}: write how long ago, as in 2h or 7d, or a time, as in 2026-03-02T14:05:00Z."
        ) from None


async def letters(settings: Settings, which: Wanted, newest: int | None = None) -> Sequence[Kept]:
    """Return the letters that are meant, the oldest first. Raises `BadInput` and `DependencyDown`."""
    async with operating(settings) as (log_, client):
        found = await _found(log_.tail, which, settings)
        found = found if newest is None else found[max(0, len(found) - newest) :]
        sent = await Replayed(client, settings.workspace).when([one.id for one in found])
    return [Kept(one, sent.get(one.id)) for one in found]


@dataclass(frozen=True, slots=True)
class How:
    """
    How to replay.

    * **oldest** - at most so many, the oldest.
    * **again** - also what was sent again before.
    * **agreed** - is asked before more than one is sent.
    """

    oldest: int | None = None
    again: bool = False
    dry_run: bool = False
    agreed: Callable[[int], bool] = lambda _: True


async def replay(settings: Settings, which: Wanted, how: How = How()) -> Replay:
    """
    Send the letters that are meant again, the oldest first.

    Raises `BadInput` and `DependencyDown`; what was sent by then is remembered, so the same command goes on from there.
    """
    async with operating(settings) as (log_, client):
        return await replay_on(log_, client, settings, which, how)


async def replay_on(log_: Log, client: Redis, settings: Settings, which: Wanted, how: How) -> Replay:
    """Do what `replay` does on an open log and Redis."""
    key = identity_key(settings)
    await expect_same_key(RedisLedger(client, settings.workspace), key)
    memory = Replayed(client, settings.workspace)
    found = await _found(log_.tail, which, settings)
    before = {} if how.again else await memory.when([one.id for one in found])
    leads = RedisLeads(client, settings.workspace)
    ready: list[tuple[Letter, Outgoing]] = []
    left: list[tuple[Letter, str]] = []
    for one in found:
        record = original(one, settings.topic_prefix)
        if one.id in before:
            left.append((one, SENT_BEFORE.format(at=rfc3339(before[one.id]))))
        elif isinstance(record, str):
            left.append((one, record))
        elif await _is_erased(one, record, leads, key):
            left.append((one, ERASED))
        elif how.oldest is None or len(ready) < how.oldest:
            ready.append((one, record))
    if how.dry_run:
        return Replay([one for one, _ in ready], left, dry_run=True)
    if len(ready) > 1 and not how.agreed(len(ready)):
        return Replay([], [*((one, "not agreed to") for one, _ in ready), *left], dry_run=False)
    for start in range(0, len(ready), AT_ONCE):
        part = ready[start : start + AT_ONCE]
        await log_.publisher.publish([record for _, record in part])
        await memory.note([one.id for one, _ in part], CLOCK.now())
    return Replay([one for one, _ in ready], left, dry_run=False)


async def _found(tail: Tail, which: Wanted, settings: Settings) -> Sequence[Letter]:
    """Read the topic; a letter that stands there more than once is one."""
    found: dict[str, Letter] = {}
    unread = 0
    since = None if which.since is None else which.since - CLOCKS_DIFFER
    async for record in tail.read((TOPIC,), follow=False, since=since):
        try:
            letter = letter_of(record, settings.workspace)
        except InvalidEvent:
            unread += 1
            continue
        if letter is not None and which.includes(letter, settings.topic_prefix):
            found.setdefault(letter.id, letter)
    if unread:
        log.warning("dead_letters.unreadable", records=unread, topic=settings.topic_prefix + TOPIC)
    return sorted(found.values(), key=lambda one: (one.event.rejected_at, one.place))


async def _is_erased(letter: Letter, record: Outgoing, leads: RedisLeads, key: bytes) -> bool:
    """Tell whether the record speaks of somebody who was erased after it came in."""
    event = letter.event
    source = Received(record.topic, 0, 0, None, record.value, {}, event.rejected_at)
    for lead_id in leads_in(source, key):
        standing = await leads.of(lead_id)
        if standing is not None and standing.erased is not None and event.rejected_at <= standing.erased:
            return True
    return False
