"""
Makes the ledger again, from the log alone.

Whoever does it holds the lease. First the ledger that may still be there is
ended, so that nobody works on it, and all live workers are waited for: until
they have published what it told them. Then the topics are read to their ends,
and what they amount to is put into Redis, the epoch last. From that instant all
go on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import orjson
import structlog

from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.connection import asking
from router.adapters.redis.restoring import Restoring
from router.bootstrap import Station
from router.domain.ledger.state import DAY
from router.pipeline.publish import deliver
from router.pipeline.read_back import INPUTS, KEEP_ACTIONS, Counts, ReadBack, Reader
from router.pipeline.render import render
from router.pipeline.restoration import Restoration, restoration
from router.pipeline.rounds import rendered
from router.ports import Outgoing

log = structlog.get_logger()

HEARD_WITHIN = 1.5  # seconds: a live worker says every 0.3 s whether it is still busy with the ledger that is gone
LOOKS_EVERY = 0.1
STRAGGLERS_WITHIN = 3.0  # seconds that a number that is missing is waited for
RECENT = timedelta(minutes=10)
SHOWN = 10

Tell = Callable[[str, Counts], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """
    What came of it.

    * **asked_again** - inputs that were consumed and had left no effect; they were put on their topics again.
    * **missing** - sequences that nobody will ever see: (first, last).
    """

    sequence: int
    events: int
    unreadable: int
    leads_open: int
    leads_waiting: int
    leads_held: int
    leads_over: int
    reps: int
    submissions: int
    actions: int
    asked_again: int
    without_contact: int
    without_route: int
    missing: Sequence[tuple[int, int]]
    policy: str
    seconds: float
    read_seconds: float

    def as_json(self) -> Mapping[str, object]:
        """Return it for a program."""
        return asdict(self)


async def rebuild(place: Station, restoring: Restoring, tell: Tell = lambda *_: None) -> Rebuilt:
    """
    Make the ledger again, while *restoring* holds its lease; *tell* hears how far it is.

    Raises `DependencyDown` where a server goes away or the lease was lost: then nothing of it counts. Raises
    `BadInput` where the log cannot be made sense of with these settings.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    await restoring.retire()
    tell("workers", Counts())
    await _workers_drained(place)
    await _publish_outbox(place)
    found = await _read(place, tell)
    read = clock()
    policy, now = place.in_force.policy, await _time(place)
    made = await asyncio.to_thread(restoration, found, policy, place.identity_key, now)
    tell("restore", found.counts)
    await _put(place, restoring, found, made)
    await _publish(place, found.again)
    counts = _counts(found, made)  # before it goes on: then it is another one
    epoch = secrets.token_hex(8)
    went_on = await restoring.begin(made.image, epoch)
    place.ledger.adopt(await place.ledger.known())
    place.in_force.known_audiences.clear()
    if went_on.entry:
        out = render(went_on, place.workspace, place.signer)
        await deliver(out, [went_on], place.log.publisher, place.ledger)
    await place.following.install(policy)
    missing = found.line.missing(found.retained_from)
    done = Rebuilt(
        **counts,
        missing=missing[:SHOWN],
        policy=policy.version,
        seconds=round(clock() - began, 3),
        read_seconds=round(read - began, 3),
    )
    log.info("ledger.rebuilt", **done.as_json())
    return done


async def _workers_drained(place: Station) -> None:
    """Wait until every worker that is heard of has published what the ledger told it."""
    key, clock = f"{place.ledger.prefix}roll", asyncio.get_running_loop().time
    began = clock()
    heard: dict[bytes, tuple[bytes, float]] = {}
    with asking():
        await place.redis.delete(key)
    while True:
        with asking():
            roll = cast("dict[bytes, bytes]", await place.redis.hgetall(key))
        for name, said in roll.items():
            if name not in heard or heard[name][0] != said:
                heard[name] = (said, clock())
        live = [said for said, at in heard.values() if clock() - at < HEARD_WITHIN]
        if clock() - began >= HEARD_WITHIN and all(said.startswith(b"drained") for said in live):
            log.info("rebuild.workers_drained", workers=len(live))
            return
        await asyncio.sleep(LOOKS_EVERY)


async def _publish_outbox(place: Station) -> None:
    """Publish what still stands in the outbox: the ledger once told it."""
    after = b""
    while left := await place.ledger.outbox(after):
        after = left[-1].entry
        out, _ = rendered(left, place.workspace, place.signer)
        await place.log.publisher.publish(out)


async def _read(place: Station, tell: Tell) -> ReadBack:
    """Read everything; where numbers are missing wait for them a while, and read again where one came."""
    while True:
        now = await _time(place)
        reader = Reader(
            place.log.tail,
            await place.log.progress(INPUTS),
            RedisActivities(place.redis, place.workspace),
            place.in_force.policy,
            place.identity_key,
            int(now.timestamp() * 1000),
            topic_prefix=place.topic_prefix,
            tell=lambda counts: tell("read", counts),
        )
        found = await reader.read()
        missing = found.line.missing(found.retained_from)
        if not missing:
            return found
        if not await _one_comes(place, found):
            log.error("rebuild.facts_lost", missing=missing[:SHOWN], ranges=len(missing))
            return found


async def _one_comes(place: Station, found: ReadBack) -> bool:
    """Wait for assignments that are missing; true where one has come."""
    missing = found.line.missing(found.retained_from)
    since = await _time(place) - RECENT
    clock = asyncio.get_running_loop().time
    until = clock() + STRAGGLERS_WITHIN
    while clock() < until:
        await asyncio.sleep(STRAGGLERS_WITHIN / 5)
        async for batch in place.log.tail.batches(["lead-assignments"], since=since):
            numbers = [orjson.loads(record.value or b"{}").get("sequence", 0) for record in batch]
            if any(first <= number <= last for number in numbers for first, last in missing):
                return True
    return False


async def _time(place: Station) -> datetime:
    """Return the time of Redis, which is the ledger's."""
    with asking():
        seconds, micros = await place.redis.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=micros // 1000)


async def _put(place: Station, restoring: Restoring, found: ReadBack, made: Restoration) -> None:
    await restoring.clear()
    now = int((await _time(place)).timestamp() * 1000)
    keep = place.in_force.policy.limits.max_age + DAY
    submissions = {name: at + keep for name, at in found.decisions.ids.items()}
    actions = {name: at + KEEP_ACTIONS for name, at in found.actions.items()}
    await restoring.restore(made.image, made.install, submissions, actions, now)


async def _publish(place: Station, records: Sequence[Outgoing]) -> None:
    """Put inputs that left no effect on their topics again: from there they have it, once."""
    if records:
        log.warning("rebuild.asked_again", events=len(records))
        await place.log.publisher.publish(records)


def _counts(found: ReadBack, made: Restoration) -> dict[str, int]:
    leads = made.image.ledger.leads.values()
    return {
        "sequence": found.line.last,
        "events": found.counts.events,
        "unreadable": found.counts.unreadable,
        "leads_open": len(leads),
        "leads_waiting": sum(lead.rep is None for lead in leads),
        "leads_held": sum(lead.rep is not None for lead in leads),
        "leads_over": len(made.image.over),
        "reps": len(made.image.ledger.reps),
        "submissions": len(found.decisions.ids),
        "actions": len(found.actions),
        "asked_again": len(found.again),
        "without_contact": made.without_contact,
        "without_route": made.without_route,
    }
