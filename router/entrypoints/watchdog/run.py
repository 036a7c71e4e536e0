"""
The watchdog as a process: one part reads, one looks at everything every second or two.

It finishes what is safe to finish: outbox entries whose publisher is gone, which are
published under their own ids, and submissions that were neither decided nor rejected,
which are sent once more as they came (a submission counts once). It repairs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from router.bootstrap import CLOCK, Outlook, outlook, signer_of
from router.domain.audit import Auditor, Tolerance, Window
from router.entrypoints.audit.rosters import Rosters
from router.entrypoints.audit.run import JUDGED_EVERY, MARGIN, PATIENCE, Asked
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.watchdog.follow import Follower
from router.entrypoints.watchdog.gauges import Gauges
from router.entrypoints.watchdog.readings import Readings
from router.entrypoints.watchdog.rounds import Rounds
from router.entrypoints.worker import together, until_signal
from router.settings import Settings

log = structlog.get_logger()

EVERY = 2.0  # seconds between two looks
LOOKS_BACK = timedelta(hours=1)
"""What of the time before its start a watchdog judges; `router audit` judges the rest."""

Show = Callable[[Readings], None]


async def run_watchdog(settings: Settings) -> None:
    """
    Run until SIGTERM or SIGINT, and show figures where the settings say so.

    Raises `BadInput` and `DependencyDown` for what cannot be used or reached at the start.
    """
    instruments = Instruments("watchdog")
    await until_signal(_run(settings, instruments), instruments.loop.end_within)
    log.info("watchdog.stopped")


async def _run(settings: Settings, instruments: Instruments) -> None:
    async with outlook(settings) as place:
        looking = watch(place, settings, Gauges(instruments).show)
        await together([looking, *instruments.beside(settings)])


async def watch(
    place: Outlook, settings: Settings, show: Show, *, every: float = EVERY, tolerance: Tolerance | None = None
) -> None:
    """Do all that a watchdog does, on servers that are open, until cancelled."""
    begun = CLOCK.now()
    since = begun - LOOKS_BACK
    rosters = Rosters()
    await rosters.take(await place.standing.policies())
    auditor = Auditor(
        rosters.roster(set()),
        tolerance=tolerance or Asked().tolerance(since, since),
        topic_prefix=settings.topic_prefix,
        window=Window(since, rosters.remembered_for),
    )
    follower = Follower(place, auditor, settings.workspace)

    def caught_up_to(records: int, at: datetime) -> None:
        if records % JUDGED_EVERY == 0:
            auditor.advance(at - PATIENCE, certain=False, read_at=begun)

    await follower.catch_up(since - MARGIN - auditor.tolerance.grace, caught_up_to)
    rounds = Rounds(
        place=place,
        workspace=settings.workspace,
        auditor=auditor,
        follower=follower,
        rosters=rosters,
        readings=Readings(),
        signer=signer_of(settings),
        since=since,
        show=show,
    )
    log.info("watchdog.ready", workspace=settings.workspace, records=follower.records)
    await together([follower.run(begun), rounds.run(every)])
