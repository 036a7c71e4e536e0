"""
A worker: consumes the input topics, fires the ledger's timers, publishes what follows. Any number may run.

Before it takes the first event it makes sure that it may: that this Redis keeps
what it is told, that the ledger and the log belong together, and that lead ids
are made with the same key as before.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import structlog
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.signs import RedisSigns
from router.bootstrap import Station, station
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.policy_watch import keep_calendars, keep_following, put_in_force, watch_directory
from router.entrypoints.rebuild.recovery import begin_or_rebuild, keep_remembering
from router.errors import BadInput, DependencyDown
from router.pipeline.ending import end
from router.pipeline.members import keep_watch
from router.pipeline.one_policy import OnePolicy
from router.pipeline.rounds import keep_sweeping, keep_ticking
from router.pipeline.work import InForce
from router.settings import Settings

log = structlog.get_logger()

OLDEST_REDIS = 7  # the first with functions
RESIGNS_WITHIN = 0.5  # seconds; a supervisor that asked it to end kills it after ten in all
SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def run_worker(settings: Settings, consumer: str = "", ready: Callable[[], None] = lambda: None) -> None:
    """
    Run until SIGTERM or SIGINT; then end what is in work, leave the group, and return.

    *ready* is called when events are about to be consumed.
    """
    instruments = Instruments("worker")
    await until_signal(_run(settings, instruments, consumer, ready), instruments.loop.end_within)
    log.info("worker.stopped")


async def _run(settings: Settings, instruments: Instruments, consumer: str, ready: Callable[[], None]) -> None:
    async with station(settings, consumer, instruments.log) as place:
        await prepare(place, allow_volatile=settings.allow_volatile_redis)
        log.info("worker.ready", workspace=place.workspace, policy=place.in_force.policy.version)
        ready()
        try:
            await together([work(place, instruments), *instruments.beside(settings)])
        finally:
            await resign(place)


async def resign(place: Station) -> None:
    """Leave what is not published to the other workers at once, as far as Redis can be told."""
    with suppress(DependencyDown, TimeoutError):
        async with asyncio.timeout(RESIGNS_WITHIN):
            await place.ledger.resign()


async def prepare(place: Station, *, allow_volatile: bool) -> None:
    """Check the servers and put the policy in force; raises what stands in the way."""
    await _lasting(place, allow=allow_volatile)
    await begin_or_rebuild(place)
    await same_people(place)
    await put_in_force(place)


async def work(place: Station, instruments: Instruments | None = None) -> None:
    """Do everything that a worker does, until cancelled or until one part fails for good."""
    instruments = instruments or Instruments("worker")
    ledger, publisher = instruments.ledger(place.ledger), place.log.publisher
    name, signer = place.workspace, place.signer

    def ports(in_force: InForce) -> Mapping[str, object]:
        return {**place.ports(in_force), "ledger": ledger}

    parts: list[Awaitable[None]] = [
        place.ledger.stay_alive(),
        keep_remembering(place),
        keep_ticking(ledger, publisher, name, signer),
        keep_sweeping(ledger, publisher, name, signer),
        keep_following(place),
        keep_calendars(place),
        watch_directory(place),
        place.log.source.consume(instruments.handlers(OnePolicy(place.in_force, ports).handlers())),
        instruments.vitals(place.redis, place.log, place.log.source).run(name, place.in_force),
    ]
    if place.log.group is not None:
        parts.append(keep_watch(place.log.group, RedisSigns(place.redis, place.workspace)))
    if place.log.retention is not None:
        parts.append(place.log.retention.run())
    await together(parts)


async def together(parts: Sequence[Awaitable[None]]) -> None:
    """Run all until one ends or fails; then cancel the others, wait for them, and raise what it raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    for task in done:
        task.result()


async def until_signal(running: Awaitable[None], stopping: Callable[[], None] = lambda: None) -> None:
    """
    Run until it ends or the process is asked to stop; then cancel it and let it finish what is in work.

    *stopping* is called when it is asked to.
    Asked again by SIGTERM, it goes on finishing: supervisors and `timeout` repeat themselves. A second Ctrl-C ends it.
    """
    task = asyncio.ensure_future(running)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # until the process is gone, not only its loop
        stopping()
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


async def _lasting(place: Station, *, allow: bool) -> None:
    """Refuse a Redis that may forget, and warn of one that may forget a little."""
    with asking():
        info = await place.redis.info()
        keeps = await _configured(place, "appendfsync")
    if too_old(info):
        message = f"This Redis is version {info['redis_version']}. The ledger needs Redis 7 or newer, or Valkey."
        raise BadInput(message)
    faults = forgetful(info)
    if faults and not allow:
        message = (
            f"This Redis may forget leads: {' and '.join(faults)}. To run on it all the same, for a trial, set "
            "ROUTER_ALLOW_VOLATILE_REDIS=true."
        )
        raise BadInput(message)
    if not faults and keeps != "always":
        log.warning("redis.appendfsync", value=keeps, advice="always: else up to 2 s may be lost")


async def _configured(place: Station, name: str) -> str:
    """Return a setting of Redis, or "unknown" where the server tells nobody: hosted ones do not."""
    try:
        answer = await place.redis.config_get(name)
    except ResponseError:
        return "unknown"
    return answer.get(name) or "unknown"


def too_old(info: Mapping[str, object]) -> bool:
    """Return whether a server that says *info* of itself knows no functions."""
    return int(str(info.get("redis_version", "7")).split(".")[0]) < OLDEST_REDIS


def forgetful(info: Mapping[str, object]) -> list[str]:
    """Return why a server that says *info* of itself may lose what it was told, with the setting that mends it."""
    faults = []
    if not info.get("aof_enabled"):
        faults.append("it has no append-only file (set appendonly yes)")
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        faults.append("it evicts keys when memory is short (set maxmemory-policy noeviction)")
    return faults


async def same_people(place: Station) -> None:
    """Refuse another identity key than the ledger was begun with: everybody would become somebody else."""
    await expect_same_key(place.ledger, place.identity_key)


async def expect_same_key(ledger: RedisLedger, identity_key: bytes) -> None:
    """Raise `BadInput` where *identity_key* is not the one that the ledger was begun with."""
    mine = hmac.digest(identity_key, b"fingerprint", hashlib.sha256).hex()[:32]
    if await ledger.fingerprint(mine) != mine:
        message = (
            "The identity key is not the one that this ledger was begun with: every person would get another lead_id. "
            "Set ROUTER_IDENTITY_KEY (or ROUTER_SECRET) to what it was."
        )
        raise BadInput(message)
