"""`router gateway`: takes events over HTTP and puts them onto the log. Any number may run."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable

import structlog

from router.bootstrap import Station, station
from router.entrypoints.gateway.door import door_to
from router.entrypoints.gateway.serve import address_of, listening, serve
from router.entrypoints.gateway.webhooks import tell_missing_secrets
from router.entrypoints.metrics.figures import Figures
from router.entrypoints.policy_watch import keep_following
from router.entrypoints.worker import same_people, together, until_signal
from router.settings import Settings

log = structlog.get_logger()

Announce = Callable[[str], None]


async def run_gateway(settings: Settings, announce: Announce) -> None:
    """
    Run until SIGTERM or SIGINT; then end what is in work, and return. *announce* is told the address.

    Raises `PolicyInvalid`, `BadInput` and `DependencyDown` for what cannot be used or reached at the start.
    """
    await until_signal(_run(settings, announce))
    log.info("gateway.stopped")


async def _run(settings: Settings, announce: Announce) -> None:
    with listening(settings) as listener:
        async with station(settings, "gateway") as place:
            await same_people(place)
            await place.following.follow()
            figures = Figures("gateway")
            await together([keep_following(place), open_gateway(place, settings, listener, announce, figures)])


async def open_gateway(
    place: Station, settings: Settings, listener: socket.socket, announce: Announce, figures: Figures
) -> None:
    """Do all that a gateway does, over log and ledger of *place*, until cancelled or until one part fails for good."""
    async with door_to(place, settings, figures=figures) as door:
        tell_missing_secrets(door.directory.sources)
        address = address_of(listener)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: a look through all of it would hold up requests for 0.1 s
        log.info("gateway.ready", workspace=place.workspace, address=address)
        announce(address)
        await together([serve(door, listener), *door.parts()])
