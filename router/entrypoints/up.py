"""`router up`: worker, gateway and notifier in one process, on the embedded log and ledger unless settings say else."""

from __future__ import annotations

import structlog

from router.bootstrap import station
from router.entrypoints.gateway.process import Announce, open_gateway
from router.entrypoints.gateway.serve import listening
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.notifier.run import notify
from router.entrypoints.worker import prepare, resign, together, until_signal, work
from router.settings import Settings

log = structlog.get_logger()


async def run_up(settings: Settings, announce: Announce) -> None:
    """
    Run until SIGTERM or SIGINT; then end what is in work, leave the groups, and return. *announce* is told the address.

    Raises `PolicyInvalid`, `BadInput` and `DependencyDown` for what cannot be used or reached at the start.
    """
    instruments = Instruments("worker", "gateway", "notifier")
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
                *instruments.beside(settings),
            ]
            try:
                await together(parts)
            finally:
                await resign(place)
