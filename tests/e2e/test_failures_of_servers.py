"""What a user meets when a server is away, cannot be trusted or has forgotten: said at the start, before any event."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from tests.e2e.command import BAD_INPUT, SECRET, UNREACHABLE, expect_failure, router
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.topics import at_least, send, wait_for
from tests.valkey import ValkeyServer

CONFIG = Path(__file__).resolve().parents[2] / "config"
CLOSED = "127.0.0.1:1"


@pytest.fixture
def settings(tmp_path: Path, prefix: str) -> dict[str, str]:
    """Settings of a worker; tests add servers."""
    return {
        "ROUTER_CONFIG": str(CONFIG),
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }


@pytest.fixture
def on_redis(settings: dict[str, str], own_valkey: ValkeyServer) -> dict[str, str]:
    """Settings of a worker with a Redis of its own."""
    return {**settings, "ROUTER_REDIS_URL": own_valkey.url}


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


# --- away -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("topics", "create"), ("topics", "check"), ("worker",)])
def test_no_kafka(settings: dict[str, str], valkey: str, command: tuple[str, ...]) -> None:
    """Without a broker the address is named, and the setting that holds it; libraries keep silent."""
    ended = router(*command, environment={**settings, "ROUTER_KAFKA": CLOSED, "ROUTER_REDIS_URL": valkey})

    expect_failure(ended, UNREACHABLE, f"Kafka at {CLOSED} does not answer", "ROUTER_KAFKA")
    assert len(ended.err.splitlines()) == 1


def test_a_name_that_nobody_knows(settings: dict[str, str]) -> None:
    """An address that does not resolve says so."""
    ended = router("topics", "list", environment={**settings, "ROUTER_KAFKA": "broker.invalid:9092"})
    assert ended.code == 0  # asks no server

    ended = router("topics", "check", environment={**settings, "ROUTER_KAFKA": "broker.invalid:9092"})
    expect_failure(ended, UNREACHABLE, "broker.invalid:9092", "not known")


def test_something_else_at_kafkas_address(settings: dict[str, str], silent: str) -> None:
    """A server that answers no Kafka request does not hang the command."""
    ended = router("topics", "check", environment={**settings, "ROUTER_KAFKA": silent})

    expect_failure(ended, UNREACHABLE, f"Kafka at {silent} does not answer", "ROUTER_KAFKA")


def test_no_redis(settings: dict[str, str]) -> None:
    """Without Redis the address is named, and the setting that holds it, never the password."""
    url = f"redis://:pass-word@{CLOSED}/0"
    ended = router("worker", environment={**settings, "ROUTER_REDIS_URL": url})

    expect_failure(ended, UNREACHABLE, f"Redis at {CLOSED} does not answer", "ROUTER_REDIS_URL")
    assert "pass-word" not in ended.err


def test_something_else_at_the_address_of_redis(settings: dict[str, str], silent: str) -> None:
    """A server that does not answer does not hang the worker."""
    ended = router("worker", environment={**settings, "ROUTER_REDIS_URL": f"redis://{silent}"})

    expect_failure(ended, UNREACHABLE, f"Redis at {silent} does not answer", "ROUTER_REDIS_URL")


# --- there, and of no use ---------------------------------------------------------------------------------------------


def test_redis_refuses(on_redis: dict[str, str], own_valkey: ValkeyServer) -> None:
    """A database that is not there, and a wrong password, are bad input."""
    url = own_valkey.url
    ended = router("worker", environment={**on_redis, "ROUTER_REDIS_URL": f"{url}/99"})
    expect_failure(ended, BAD_INPUT, "refuses", "ROUTER_REDIS_URL")

    with redis.Redis.from_url(url) as client:
        client.config_set("requirepass", "right-word")
    for given in (url, url.replace("//", "//:wrong-word@")):
        ended = router("worker", environment={**on_redis, "ROUTER_REDIS_URL": given})
        expect_failure(ended, BAD_INPUT, "refuses", "password in ROUTER_REDIS_URL")
        assert "-word" not in ended.err


@pytest.mark.parametrize(
    ("setting", "value", "advice"),
    [("appendonly", "no", "set appendonly yes"), ("maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction")],
)
def test_a_redis_that_may_forget(
    on_redis: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path, setting: str, value: str, advice: str
) -> None:
    """A Redis that may forget is refused with what to set, and taken for a trial by who says so."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.config_set(setting, value)

    expect_failure(router("worker", environment=on_redis), BAD_INPUT, advice, "ROUTER_ALLOW_VOLATILE_REDIS=true")
    worker = WorkerProcess({**on_redis, "ROUTER_ALLOW_VOLATILE_REDIS": "true"}, tmp_path / "worker.log")
    try:
        worker.wait_until_ready()
    finally:
        assert worker.stop() == 0


def test_a_redis_that_may_lose_seconds_is_warned_of(
    on_redis: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path
) -> None:
    """With `appendfsync everysec` a worker runs, and its log says what that may cost."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.config_set("appendfsync", "everysec")
    worker = WorkerProcess(on_redis, tmp_path / "worker.log")
    try:
        worker.wait_until_ready()
    finally:
        worker.stop()

    assert "redis.appendfsync" in worker.lines()
    assert "always" in worker.lines()


@pytest.mark.kafka
def test_kafka_without_topics(settings: dict[str, str], kafka: str, valkey: str) -> None:
    """A worker names the topics that are missing and the command that makes them, and consumes nothing."""
    servers = {**settings, "ROUTER_KAFKA": kafka, "ROUTER_REDIS_URL": valkey}
    prefix = settings["ROUTER_TOPIC_PREFIX"]
    ended = router("worker", environment=servers)
    expect_failure(ended, BAD_INPUT, f"{prefix}form-submissions", f"{prefix}dead-letters", "router topics create")

    drift = router("topics", "check", environment=servers)
    assert drift.code == BAD_INPUT
    assert "router topics create" in drift.out
    assert drift.err == ""


# --- another ledger than before ---------------------------------------------------------------------------------------


def lead_on(environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one lead be assigned or queued by a worker that then ends."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    worker = WorkerProcess(environment, folder / "worker.log")
    try:
        worker.wait_until_ready()
        form = {"submission_id": "s-1", "submitted_at": datetime.now(UTC).isoformat(), "form": "demo-request"}
        person = {"email": "ada@acme.example", "job_title": "VP Sales", "language": "en"}
        send([bare("form-submissions", {**form, **person})])
        wait_for("lead-assignments", at_least(1))
    finally:
        assert worker.stop() == 0


def test_a_redis_that_forgot(
    on_redis: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that finds its ledger gone makes it again from the log before it takes the first event."""
    lead_on(on_redis, tmp_path, monkeypatch)
    with redis.Redis.from_url(own_valkey.url) as client:
        before = sorted(client.keys("*:lead:*"))
        client.flushall()

        worker = WorkerProcess(on_redis, tmp_path / "again.log")
        try:
            worker.wait_until_ready()
        finally:
            assert worker.stop() == 0

        assert sorted(client.keys("*:lead:*")) == before
    assert worker.lines().index("ledger.rebuilt") < worker.lines().index("worker.ready")


def test_topics_of_other_leads(
    on_redis: dict[str, str], own_valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ledger is made of what another workspace has written, or under a key that makes other leads of people."""
    lead_on(on_redis, tmp_path, monkeypatch)

    ended = router("worker", environment={**on_redis, "ROUTER_WORKSPACE": "other"})
    expect_failure(ended, BAD_INPUT, "/router/other", "ROUTER_WORKSPACE", "ROUTER_TOPIC_PREFIX")

    with redis.Redis.from_url(own_valkey.url) as client:
        client.flushall()
        refused = WorkerProcess({**on_redis, "ROUTER_IDENTITY_KEY": "ab" * 32}, tmp_path / "refused.log")
        with pytest.raises(RuntimeError, match="ROUTER_IDENTITY_KEY"):
            refused.wait_until_ready()
        assert refused.stop() == BAD_INPUT
        assert not client.exists(f"{{{on_redis['ROUTER_WORKSPACE']}}}:identity")


def test_another_identity_key(on_redis: dict[str, str], tmp_path: Path) -> None:
    """Another key would make a new lead of every person: refused, with the setting to put back."""
    worker = WorkerProcess(on_redis, tmp_path / "worker.log")
    try:
        worker.wait_until_ready()
    finally:
        assert worker.stop() == 0

    ended = router("worker", environment={**on_redis, "ROUTER_IDENTITY_KEY": "ab" * 32})
    expect_failure(ended, BAD_INPUT, "identity key", "ROUTER_IDENTITY_KEY")
