"""SIGTERM in the middle of the work: a worker ends in good order, and nothing that was in flight is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.command import SECRET, router
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.topics import at_least, data, read, send_at_once, wait_for
from tests.kafka.server import KafkaServer

CONFIG = Path(__file__).resolve().parents[2] / "config"
SENT = 2_000
ENDS_WITHIN = 10.0


@pytest.fixture
def settings(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings of a worker on the embedded servers, also set for this process."""
    environment = {
        "ROUTER_CONFIG": str(CONFIG),
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


def on_servers(
    settings: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, kafka: str, redis_url: str
) -> dict[str, str]:
    """Return the settings with servers, and make the topics."""
    servers = {"ROUTER_KAFKA": kafka, "ROUTER_REDIS_URL": redis_url}
    for name, value in servers.items():
        monkeypatch.setenv(name, value)
    environment = {**settings, **servers}
    assert router("topics", "create", environment=environment).code == 0
    return environment


def send_work() -> None:
    """Send many submissions at once."""
    now = datetime.now(UTC).isoformat()
    form = {"form": "demo-request", "submitted_at": now}
    send_at_once(
        [
            bare("form-submissions", {**form, "submission_id": f"s-{number}", "email": f"p{number}@acme.example"})
            for number in range(SENT)
        ]
    )


def expect_all_decided_once() -> None:
    """Check that each submission has one decision id."""
    wait_for("lead-decisions", at_least(SENT))
    decisions = {record.headers["ce_id"]: data(record)["submission_id"] for record in read("lead-decisions")}
    assert len(decisions) == len(set(decisions.values())) == SENT


def end_in_the_middle(settings: Mapping[str, str], folder: Path) -> None:
    """Let one worker begin and another finish."""
    first = WorkerProcess(settings, folder / "first.log")
    first.wait_until_ready()
    send_work()
    wait_for("lead-decisions", at_least(1))
    asked = time.monotonic()
    first._process.send_signal(signal.SIGTERM)  # as `timeout` does, which signals the process and then its group
    assert first.stop() == 0
    assert time.monotonic() - asked < ENDS_WITHIN
    assert "worker.stopped" in first.lines()

    second = WorkerProcess(settings, folder / "second.log")
    try:
        second.wait_until_ready()
        expect_all_decided_once()
    finally:
        assert second.stop() == 0


def test_sigterm_on_the_embedded_log(settings: dict[str, str], tmp_path: Path) -> None:
    """On the embedded log a worker ends within ten seconds with exit 0, and the next one has the rest."""
    end_in_the_middle(settings, tmp_path)


@pytest.mark.kafka
def test_sigterm_on_kafka(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: str, valkey: str
) -> None:
    """On Kafka a worker ends within ten seconds with exit 0, and the next one has the rest."""
    end_in_the_middle(on_servers(settings, monkeypatch, kafka, valkey), tmp_path)


@pytest.mark.kafka
def test_sigterm_while_kafka_is_away(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_kafka: KafkaServer, valkey: str
) -> None:
    """A worker that waits for its broker ends within ten seconds too; what it had applied is published by the next."""
    environment = on_servers(settings, monkeypatch, own_kafka.address, valkey)
    first = WorkerProcess(environment, tmp_path / "first.log")
    first.wait_until_ready()
    send_work()
    wait_for("lead-decisions", at_least(1))
    own_kafka.kill()
    asked = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - asked < ENDS_WITHIN
    assert "Traceback" not in first.lines()

    own_kafka.start()
    second = WorkerProcess(environment, tmp_path / "second.log")
    try:
        second.wait_until_ready()
        expect_all_decided_once()
    finally:
        assert second.stop() == 0


def test_sigterm_while_it_starts(settings: dict[str, str], tmp_path: Path) -> None:
    """A worker that is stopped at once, again and again, ends each time."""
    for number in range(4):
        worker = WorkerProcess(settings, tmp_path / f"{number}.log")
        worker.wait_until_ready()
        asked = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - asked < ENDS_WITHIN
