"""`router up`: worker, gateway, notifier and watchdog in one process, on embedded servers unless settings say else."""

from __future__ import annotations

import asyncio

import structlog

from router.bootstrap import outlook, station
from router.entrypoints.gateway.process import Announce, open_gateway
from router.entrypoints.gateway.serve import listening
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.notifier.run import notify
from router.entrypoints.watchdog.gauges import Gauges
from router.entrypoints.watchdog.run import watch
from router.entrypoints.worker import prepare, resign, together, until_signal, work
from router.errors import DependencyDown
from router.settings import Settings

BEGINS_AGAIN_AFTER = 10.0  # seconds

log = structlog.get_logger()


async def run_up(settings: Settings, announce: Announce) -> None:
    """
    Run until SIGTERM or SIGINT; then end what is in work, leave the groups, and return. *announce* is told the address.

    Raises `PolicyInvalid`, `BadInput` and `DependencyDown` for what cannot be used or reached at the start.
    """
    instruments = Instruments("worker", "gateway", "notifier", "watchdog")
    await until_signal(_run(settings, instruments, announce), instruments.loop.end_within)
    log.info("worker.stopped")


async def _run(settings: Settings, instruments: Instruments, announce: Announce) -> None:
    with listening(settings) as listener:
        async with station(settings, "up", instruments.log) as place:
            await prepare(place, allow_volatile=settings.allow_volatile_redis)
            log.info("worker.ready", workspace=place.workspace, policy=place.in_force.policy.version)
            parts = [
                work(place, instruments),
                open_gateway(place, settings, listener, announce, instruments.figures),
                notify(settings, place.log, place.redis, instruments=instruments),
                _watched(settings, instruments),
                *instruments.beside(settings),
            ]
            try:
                await together(parts)
            finally:
                await resign(place)


async def _watched(settings: Settings, instruments: Instruments) -> None:
    """Look over what the others do, for ever: whatever becomes of that, it must not end what is looked over."""
    show = Gauges(instruments).show
    while True:
        try:
            async with outlook(settings) as place:
                await watch(place, settings, show)
        except DependencyDown as down:
            log.warning("watchdog.waits", problem=str(down))
        except Exception:
            log.exception("watchdog.failed")
        await asyncio.sleep(BEGINS_AGAIN_AFTER)
