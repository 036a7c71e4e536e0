"""
The only place that builds objects from settings: the log, the ledger, and the worker between them.

Everything is opened here and closed here; processes (`router.entrypoints`) only
say what they want to run.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ResponseError

from router.adapters.embedded.book import StreamLogBook
from router.adapters.embedded.forgetting import StreamForgetting
from router.adapters.embedded.progress import progress
from router.adapters.embedded.retention import StreamRetention
from router.adapters.embedded.streams import StreamPublisher, StreamSource
from router.adapters.embedded.tail import StreamTail
from router.adapters.embedded.valkey import embedded_valkey
from router.adapters.enrichment.sources import Sources, expect
from router.adapters.environment import environment
from router.adapters.redis.activities import RedisActivities
from router.adapters.redis.companies import RedisCompanies
from router.adapters.redis.connection import asking, connect
from router.adapters.redis.leads import RedisLeads
from router.adapters.redis.ledger import RedisLedger
from router.adapters.redis.standing import RedisStanding
from router.errors import BadInput, DependencyDown
from router.events.catalogue import catalogue
from router.pipeline import ANY_ORDER
from router.pipeline.following import Following
from router.pipeline.work import InForce
from router.policy.directory import Directory
from router.policy.load import restore
from router.ports import Clock, LogBook, Progress, Publisher, Source, Tail
from router.settings import Settings, identity_key, signing_secret

if TYPE_CHECKING:
    from router.pipeline.links import Signer


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the edge: here it comes from


CLOCK = SystemClock()
CLOSES_WITHIN = 1.0  # seconds; what a broker that is away has not taken by then stands in the outbox


async def nowhere(topics: Sequence[str]) -> Progress:  # noqa: ARG001 - of any
    """Return how far workers have come that never ran."""
    return {}


@dataclass(frozen=True, slots=True)
class Log:
    """
    The log, ready to use.

    * **source** - reads it as one of the workers; **source_for** - as a member of another group, for this purpose.
    * **retention** - trims the embedded log; a broker does that by itself.
    * **progress** - asks how far the workers have come with these topics.
    * **forgetting** - removes single records, which only the embedded log can.
    """

    publisher: Publisher
    source: Source
    source_for: Callable[[str], Source]
    tail: Tail
    retention: StreamRetention | None
    progress: Callable[[Sequence[str]], Awaitable[Progress]] = nowhere
    forgetting: StreamForgetting | None = None


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
        urls = await stack.enter_async_context(_servers(settings))
        client = await _redis(stack, settings, urls.redis)
        await _expect_topics(settings)
        log = measured(await stack.enter_async_context(_log(settings, urls.log, consumer or f"worker-{os.getpid()}")))
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
    async with _servers(settings) as urls, _log(settings, urls.log, f"looker-{secrets.token_hex(4)}") as log:
        yield log


@asynccontextmanager
async def reading(settings: Settings) -> AsyncIterator[tuple[Tail, RedisLeads]]:
    """Open log and ledger for whoever only looks something up; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(_servers(settings))
        client = await _redis(stack, settings, urls.redis)
        log = await stack.enter_async_context(_log(settings, urls.log, f"looker-{secrets.token_hex(4)}"))
        yield log.tail, RedisLeads(client, settings.workspace)


@asynccontextmanager
async def redis_of(settings: Settings) -> AsyncIterator[Redis]:
    """Open only Redis; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        url = str(settings.redis_url or (await stack.enter_async_context(_servers(settings))).redis)
        yield await _redis(stack, settings, url)


@asynccontextmanager
async def notifying(settings: Settings) -> AsyncIterator[tuple[Log, Redis]]:
    """Open log and Redis for a notifier; raises `BadInput` and `DependencyDown`."""
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(_servers(settings))
        client = await _redis(stack, settings, urls.redis)
        await _expect_topics(settings)
        yield await stack.enter_async_context(_log(settings, urls.log, f"notifier-{os.getpid()}")), client


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
        urls = await stack.enter_async_context(_servers(settings))
        client = await _redis(stack, settings, urls.redis)
        await _expect_topics(settings)
        log = await stack.enter_async_context(_log(settings, urls.log, f"looker-{secrets.token_hex(4)}"))
        book = await stack.enter_async_context(_book(settings, urls.log))
        name = settings.workspace
        yield Outlook(
            log,
            book,
            RedisLedger(client, name),
            RedisStanding(client, name),
            RedisLeads(client, name),
            lambda purpose: _group(settings, purpose),
        )


@asynccontextmanager
async def _book(settings: Settings, url: str | None) -> AsyncIterator[LogBook]:
    prefix, now = settings.topic_prefix, CLOCK.now
    if url is not None:
        streams = StreamLogBook(url, prefix, now)
        try:
            yield streams
        finally:
            await streams.aclose()
        return
    from router.adapters.kafka.book import KafkaLogBook  # noqa: PLC0415 - as in `_kafka_log`
    from router.adapters.kafka.connection import KafkaConnection  # noqa: PLC0415 - the same

    yield KafkaLogBook(KafkaConnection(str(settings.kafka), settings.kafka_options()), prefix, now)


@dataclass(frozen=True, slots=True)
class _Urls:
    redis: str
    log: str | None


@asynccontextmanager
async def _servers(settings: Settings) -> AsyncIterator[_Urls]:
    """Say where Redis and the embedded log are, and start the bundled Valkey where the settings name no server."""
    if settings.redis_url is not None and settings.kafka is not None:
        yield _Urls(str(settings.redis_url), None)
        return
    _expect_room(settings.data_dir)
    async with embedded_valkey(settings.data_dir) as url:
        yield _Urls(str(settings.redis_url or url), None if settings.kafka is not None else url)


def _expect_room(data_dir: Path) -> None:
    """Raise `BadInput` where nothing can be written; the embedded Valkey would say so less clearly."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir) as trial:
            trial.write(bytes(4096))
            trial.flush()
            os.fsync(trial.fileno())
    except OSError as error:
        raise BadInput(
            f"{data_dir}: cannot be written to ({error.strerror}). Make room, or set ROUTER_DATA_DIR to another folder."
        ) from None


async def _redis(stack: AsyncExitStack, settings: Settings, url: str) -> Redis:
    """Return a client of a Redis that is there; *stack* closes it. Raises `BadInput` and `DependencyDown`."""
    client = connect(url)
    stack.push_async_callback(client.aclose)
    await _greet(client, settings)
    return client


async def _greet(client: Redis, settings: Settings) -> None:
    """Find Redis there; raises `DependencyDown` or `BadInput` with the setting to look at."""
    url, where = settings.redis_url, "under ROUTER_DATA_DIR"
    if url is not None:
        where = f"at {url.path}" if url.scheme == "unix" else f"at {url.host or 'localhost'}:{url.port or 6379}"
    try:
        with asking():
            await client.ping()
    except ResponseError as refusal:
        raise BadInput(f"Redis {where} refuses: {refusal}. Correct ROUTER_REDIS_URL.") from None
    except DependencyDown as down:
        why = str(down.__cause__ or down).rstrip(".")
        if isinstance(down.__cause__, AuthenticationError):
            raise BadInput(f"Redis {where} refuses: {why}. Correct user and password in ROUTER_REDIS_URL.") from None
        raise DependencyDown(f"Redis {where} does not answer: {why}. Start it, or correct ROUTER_REDIS_URL.") from down


async def _expect_topics(settings: Settings) -> None:
    """Raise `BadInput` where the broker lacks a topic: a worker would wait for it without an end."""
    if settings.kafka is None:
        return
    from router.adapters.kafka.admin import KafkaAdmin  # noqa: PLC0415 - as in `_kafka_log`
    from router.adapters.kafka.connection import KafkaConnection  # noqa: PLC0415 - the same
    from router.adapters.kafka.first_contact import first_contact  # noqa: PLC0415 - the same

    kafka = KafkaConnection(settings.kafka, settings.kafka_options())
    names = [settings.topic_prefix + name for name in catalogue()]
    with first_contact(kafka):
        there = await KafkaAdmin(kafka).partitions(names)
    if missing := [name for name in names if name not in there]:
        raise BadInput(f"Kafka at {settings.kafka} has no topic {', '.join(missing)}. Make them: router topics create")


@asynccontextmanager
async def _log(settings: Settings, url: str | None, consumer: str) -> AsyncIterator[Log]:
    if url is None:
        async with _kafka_log(settings) as log:
            yield log
        return
    prefix, now = settings.topic_prefix, CLOCK.now
    streams = StreamPublisher(url, prefix, now)
    tail = StreamTail(url, prefix, now)
    retention = StreamRetention(url, prefix, {name: topic.retention for name, topic in catalogue().items()}, now)

    forgetting = StreamForgetting(url, prefix, now)

    def source_for(purpose: str = "") -> Source:
        return StreamSource(url, prefix, group=_group(settings, purpose), consumer=consumer, now=now)

    def progress_with(topics: Sequence[str]) -> Awaitable[Progress]:
        return progress(url, prefix, _group(settings, ""), topics)

    try:
        yield Log(streams, source_for(), source_for, tail, retention, progress_with, forgetting)
    finally:
        await forgetting.aclose()
        await streams.aclose()
        await tail.aclose()


@asynccontextmanager
async def _kafka_log(settings: Settings) -> AsyncIterator[Log]:
    # Faust and its kin take a quarter of a second to import: who runs on the embedded log does not pay for them.
    from router.adapters.kafka.admin import KafkaAdmin  # noqa: PLC0415
    from router.adapters.kafka.connection import KafkaConnection  # noqa: PLC0415
    from router.adapters.kafka.consumer import KafkaTail  # noqa: PLC0415
    from router.adapters.kafka.faust_app import FaustSource  # noqa: PLC0415
    from router.adapters.kafka.first_contact import first_contact  # noqa: PLC0415
    from router.adapters.kafka.producer import KafkaPublisher  # noqa: PLC0415

    prefix, now = settings.topic_prefix, CLOCK.now
    kafka = KafkaConnection(str(settings.kafka), settings.kafka_options())
    publisher = KafkaPublisher(kafka, prefix)
    with first_contact(kafka):
        await publisher.start()

    def source_for(purpose: str = "") -> Source:
        any_order = () if purpose else ANY_ORDER
        return FaustSource(kafka, prefix, group=_group(settings, purpose), now=now, any_order=any_order)

    async def progress_with(topics: Sequence[str]) -> Progress:
        committed = await KafkaAdmin(kafka).committed(_group(settings, ""))
        short = {prefix + topic: topic for topic in topics}
        return {(short[name], part): offset for (name, part), offset in committed.items() if name in short}

    try:
        yield Log(publisher, source_for(), source_for, KafkaTail(kafka, prefix, now), None, progress_with)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSES_WITHIN):
                await publisher.aclose()


def _group(settings: Settings, purpose: str) -> str:
    return f"router-{settings.workspace}" + (f"-{purpose}" if purpose else "")
