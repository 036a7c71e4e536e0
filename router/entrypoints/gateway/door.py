"""All that a request handler may need: `request.app.state.door`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request
from redis.asyncio import Redis

from router.adapters.redis.keys import KeyStore
from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.rates import Rates
from router.adapters.redis.seen import GivenAnswers, SeenIds
from router.bootstrap import Log, Station
from router.entrypoints.gateway.body import ONE, too_large
from router.entrypoints.gateway.configured import Configured
from router.entrypoints.gateway.feed import Feed
from router.entrypoints.gateway.figures import HttpFigures
from router.entrypoints.gateway.sending import Receipt, Sending, TooLarge
from router.entrypoints.metrics.figures import Figures
from router.events.submission import FormSubmitted
from router.pipeline.links import Signer
from router.pipeline.work import InForce
from router.policy.directory import Directory
from router.policy.load import Loaded
from router.ports import Clock
from router.settings import Settings, signing_secret

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Door:
    """
    What stands behind the gateway.

    * **in_force** - its `policy` is the one in force, followed while the gateway runs.
    * **directory** - `sources` and `notify` of the configuration's directory, read again when its files change.
    * **sending** - puts events onto the log; `send` and `submit` use it.
    * **feed** - what happens, as it happens: `feed.listen()`, for streams and pages.
    * **rates**, **answers** - how often somebody called, and what was answered by `Idempotency-Key`.
    """

    settings: Settings
    log: Log
    redis: Redis
    leads: RedisLeads
    keys: KeyStore
    in_force: InForce
    directory: Configured
    signer: Signer
    clock: Clock
    identity_key: bytes
    workspace: str
    sending: Sending
    feed: Feed
    rates: Rates
    answers: GivenAnswers
    figures: HttpFigures

    async def send(self, topic: str, events: Sequence[Mapping[str, object]], trace: str | None = None) -> None:
        """
        Put the data of *events*, which its model has validated, onto an input *topic* as CloudEvents.

        Returns when the log has them. Raises `DependencyDown` where it has not, which becomes 503.
        """
        try:
            await self.sending.send(topic, events, trace)
        except TooLarge:
            raise too_large(ONE) from None
        self.figures.accepted(topic, len(events))

    async def submit(self, submissions: Sequence[FormSubmitted], trace: str | None = None) -> Sequence[Receipt]:
        """
        Put *submissions* onto the log, each once by its `submission_id`, and return a receipt of each.

        Raises as `send` does.
        """
        try:
            receipts = await self.sending.submit(submissions, trace)
        except TooLarge:
            raise too_large(ONE) from None
        repeats = sum(one.duplicate for one in receipts)
        self.figures.accepted("form-submissions", len(receipts) - repeats)
        self.figures.repeated(repeats)
        return receipts

    def parts(self) -> Sequence[Awaitable[None]]:
        """Return what must run beside the server: the feed, and the watch over the configuration's files."""
        return [self.feed.run(), self.directory.watch()]


@asynccontextmanager
async def door_to(
    place: Station, settings: Settings, loaded: Loaded | None = None, figures: Figures | None = None
) -> AsyncIterator[Door]:
    """
    Give the door to the log and the ledger of *place*; what is on its way at the end still arrives.

    The configuration's directory is read unless it was *loaded* already; *figures* are new ones unless given.
    """
    name = place.workspace
    sending = Sending(place.log.publisher, SeenIds(place.redis, name), place.clock, name)
    public_url = None if settings.public_url is None else str(settings.public_url)
    door = Door(
        settings=settings,
        log=place.log,
        redis=place.redis,
        leads=RedisLeads(place.redis, name),
        keys=KeyStore(place.redis, name),
        in_force=place.in_force,
        directory=Configured(Directory(settings.config), loaded),
        signer=Signer(signing_secret(settings), public_url),
        clock=place.clock,
        identity_key=place.identity_key,
        workspace=name,
        sending=sending,
        feed=Feed(place.log.tail, place.clock, name),
        rates=Rates(place.redis, name),
        answers=GivenAnswers(place.redis, name),
        figures=HttpFigures(figures or Figures("gateway")),
    )
    try:
        yield door
    finally:
        await sending.aclose()


def door_of(request: Request) -> Door:
    """Return the door of the app that serves *request*."""
    door: Door = request.app.state.door
    return door


def trace_of(request: Request) -> str | None:
    """Return the `traceparent` that a request came with, where it is one."""
    given = request.headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None
