"""Finds the servers that the settings name, or starts those that they leave out; says what to do where none is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ResponseError

from router.adapters.embedded.valkey import embedded_valkey
from router.adapters.redis.connection import asking, connect
from router.errors import BadInput, DependencyDown
from router.events.catalogue import catalogue
from router.settings import Settings


@dataclass(frozen=True, slots=True)
class Urls:
    """Where Redis is, and the embedded log where there is one."""

    redis: str
    log: str | None


@asynccontextmanager
async def servers(settings: Settings) -> AsyncIterator[Urls]:
    """Say where Redis and the embedded log are, and start the bundled Valkey where the settings name no server."""
    if settings.redis_url is not None and settings.kafka is not None:
        yield Urls(str(settings.redis_url), None)
        return
    _expect_room(settings.data_dir)
    async with embedded_valkey(settings.data_dir) as url:
        yield Urls(str(settings.redis_url or url), None if settings.kafka is not None else url)


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


async def open_redis(stack: AsyncExitStack, settings: Settings, url: str) -> Redis:
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


async def expect_topics(settings: Settings) -> None:
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
