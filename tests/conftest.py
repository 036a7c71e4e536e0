"""Real servers for the tests that need them: one Kafka and one Valkey a session, a prefix of its own for each test."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import structlog

pytest.register_assert_rewrite("tests.model.engines")  # its asserts are the tests: show what differs

from tests.kafka.server import KafkaServer, NoKafka  # noqa: E402 - after the line above, or it comes too late
from tests.model.engines import load  # noqa: E402 - as above
from tests.valkey import ValkeyServer  # noqa: E402 - as above


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """Let no test find logs set up as a command that another one ran in this process has left them."""
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, threading.excepthook
    yield
    if structlog.is_configured():
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
        threading.excepthook = hook


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """
    Give the address of a real Kafka: `ROUTER_TEST_KAFKA`, or one that is started here.

    Skips with the reason where there can be none; in CI that is a failure.
    """
    if address := os.environ.get("ROUTER_TEST_KAFKA"):
        yield address
        return
    server = started_kafka(tmp_path_factory.mktemp("kafka"))
    yield server.address
    server.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """Give a Kafka that the test may kill and start again."""
    server = started_kafka(tmp_path / "kafka")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a real Valkey that writes every change before it answers."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def twin_server(valkey: str) -> Iterator[tuple[redis.Redis, str]]:
    """Give a client of a Valkey that has the ledger's library, and the name of its function."""
    with redis.Redis.from_url(valkey) as client:
        yield client, load(client)


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Give a Valkey that the test may kill and start again."""
    server = ValkeyServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def prefix() -> str:
    """Give a name that no other test uses: a workspace, or a prefix of topics."""
    return f"test-{uuid.uuid4().hex[:12]}-"


def started_kafka(folder: Path) -> KafkaServer:
    """Start a broker under *folder*, or skip the test; in CI fail it."""
    try:
        server = KafkaServer(folder)
    except NoKafka as error:
        if os.environ.get("CI"):
            pytest.fail(f"no Kafka in CI: {error}")
        pytest.skip(f"no Kafka: {error}")
    server.start()
    return server
