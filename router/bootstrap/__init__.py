"""
The only place that builds objects from settings: the log, the ledger, and the worker between them.

Everything is opened here and closed here; processes (`router.entrypoints`) only
say what they want to run.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from router.adapters.enrichment.sources import Sources, expect
from router.adapters.environment import environment
from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.companies import RedisCompanies
from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.standing import RedisStanding
from router.bootstrap.log import CLOCK, Log, SystemClock, group_of, open_book, open_log
from router.bootstrap.servers import expect_topics, open_redis, servers
from router.errors import BadInput
from router.pipeline.following import Following
from router.pipeline.work import InForce
from router.policy.directory import Directory
from router.policy.load import restore
from router.ports import Clock, LogBook, Tail
from router.settings import Settings, identity_key, signing_secret

if TYPE_CHECKING:
    from router.pipeline.links import Signer

__all__ = [
    "CLOCK",
    "Log",
    "Outlook",
    "Station",
    "SystemClock",
    "log_of",
    "notifying",
    "operating",
    "outlook",
    "reading",
    "redis_of",
    "signer_of",
    "station",
]


@dataclass(frozen=True, slots=True)
class Station:
    """Everything that a worker works with; `given` is the version that its directory gave when it started."""

    log: Log
    redis: Redis
    ledger: RedisLedger
    in_force: InForce
    following: Following
    directory: Directory
    given: str
    identity_key: bytes
    clock: Clock
    workspace: str
    topic_prefix: str
    signer: Signer | None
    sources: Sources

    def ports(self, in_force: InForce) -> Mapping[str, object]:
        """Return what the steps of the pipeline may ask for, by name, under one policy."""
        return {
            "publisher": self.log.publisher,
            "ledger": self.ledger,
            "activities": RedisActivities(self.redis, self.workspace),
            "enricher": self.sources.of(in_force),
            "in_force": in_force,
            "identity_key": self.identity_key,
            "clock": self.clock,
            "workspace": self.workspace,
            "topic_prefix": self.topic_prefix,
            "signer": self.signer,
        }


@asynccontextmanager
async def station(
    settings: Settings, consumer: str = "", measured: Callable[[Log], Log] = lambda log: log
) -> AsyncIterator[Station]:
    """
    Open all that a worker needs; *consumer* names it on the embedded log (default: by its process id).

    *measured* gives the log that is worked with, where somebody counts what goes through it.

    Raises `PolicyInvalid`, `BadInput` and `DependencyDown` for what cannot be used or reached.
    """
    directory = Directory(settings.config)
    policy = directory.load().policy
    key, signer, named = identity_key(settings), signer_of(settings), environment()
    expect(policy, named)
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(servers(settings))
        client = await open_redis(stack, settings, urls.redis)
        await expect_topics(settings)
        log = measured(
            await stack.enter_async_context(open_log(settings, urls.log, consumer or f"worker-{os.getpid()}"))
        )
        sources = Sources(RedisCompanies(client, settings.workspace), named)
        stack.push_async_callback(sources.aclose)
        ledger, in_force = RedisLedger(client, settings.workspace), InForce(policy)
        yield Station(
            log,
            client,
            ledger,
            in_force,
            Following(
                in_force,
                ledger,
                restore,
                publisher=log.publisher,
                clock=CLOCK,
                workspace=settings.workspace,
                signer=signer,
            ),
            directory,
            policy.version,
            key,
            CLOCK,
            settings.workspace,
            settings.topic_prefix,
            signer,
            sources,
        )


def signer_of(settings: Settings) -> Signer | None:
    """Return what makes the links of notifications; None without `ROUTER_PUBLIC_URL`. Raises `BadInput`."""
    if settings.public_url is None:
        return None
    try:
        from router.pipeline.links import Signer  # noqa: PLC0415 - a part of the package that may not be installed
    except ImportError:
        raise BadInput(
            "ROUTER_PUBLIC_URL: links need a part that is not installed: pip install 'speed-to-lead-router[gateway]'"
        ) from None
    return Signer(signing_secret(settings), str(settings.public_url))


@asynccontextmanager
async def log_of(settings: Settings) -> AsyncIterator[Log]:
    """Open only the log, for processes that write to it or look at it."""
    async with servers(settings) as urls, open_log(settings, urls.log, f"looker-{secrets.token_hex(4)}") as log:
        yield log


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[tuple[Tail, RedisLeads]]:
    """Open log and ledger for whoever only looks something up; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(servers(settings))
        client = await open_redis(stack, settings, urls.redis)
        log = await stack.enter_async_context(open_log(settings, urls.log, f"looker-{secrets.token_hex(4)}"))
        yield log.tail, RedisLeads(client, settings.workspace)


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[Redis]:
    """Open only Redis; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        url = str(settings.redis_url or (await stack.enter_async_context(servers(settings))).redis)
        yield await open_redis(stack, settings, url)


@asynccontextmanager
async def notifying(settings: Settings) -> AsyncIterator[tuple[Log, Redis]]:
    """Open log and Redis for a notifier; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(servers(settings))
        client = await open_redis(stack, settings, urls.redis)
        await expect_topics(settings)
        yield await stack.enter_async_context(open_log(settings, urls.log, f"notifier-{os.getpid()}")), client


@asynccontextmanager
async def operating(settings: Settings) -> AsyncIterator[tuple[Log, Redis]]:
    """Open log and Redis for an operator's command that changes them; raises `BadInput` and `DependencyDown`."""
    async with notifying(settings) as both:
        yield both


@dataclass(frozen=True, slots=True)
class Outlook:
    """What whoever checks the router looks at, and the log to publish to. *group* names a group of the log."""

    log: Log
    book: LogBook
    ledger: RedisLedger
    standing: RedisStanding
    leads: RedisLeads
    group: Callable[[str], str]


@asynccontextmanager
async def outlook(settings: Settings) -> AsyncIterator[Outlook]:
    """Open log and ledger for whoever checks the router; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(servers(settings))
        client = await open_redis(stack, settings, urls.redis)
        await expect_topics(settings)
        log = await stack.enter_async_context(open_log(settings, urls.log, f"looker-{secrets.token_hex(4)}"))
        book = await stack.enter_async_context(open_book(settings, urls.log))
        name = settings.workspace
        yield Outlook(
            log,
            book,
            RedisLedger(client, name),
            RedisStanding(client, name),
            RedisLeads(client, name),
            lambda purpose: group_of(settings, purpose),
        )
