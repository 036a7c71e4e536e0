"""SIGTERM in the middle of a backlog while a server is killed or hangs: ten seconds, and nothing is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from tests.e2e.processes import WorkerProcess
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.test_ending import CONFIG, ENDS_WITHIN, expect_all_decided_once, send_work
from tests.e2e.topics import at_least, wait_for
from tests.kafka.server import KafkaServer
from tests.valkey import ValkeyServer


class Server(Protocol):
    """A server that a test may take away."""

    def kill(self) -> None:
        """Kill it."""

    def start(self) -> None:
        """Start it again."""


class Gone:
    """Ways for a server to be away; each returns the way back."""

    @staticmethod
    def killed(server: Server) -> Callable[[], None]:
        """Connections break, and new ones are refused."""
        server.kill()
        return server.start

    @staticmethod
    def hung(server: KafkaServer | ValkeyServer) -> Callable[[], None]:
        """Connections stand, and nothing is answered."""
        process = server._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        return lambda: process.send_signal(signal.SIGCONT)


@pytest.fixture
def site(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A deployment on the embedded log."""
    return site_in(tmp_path, monkeypatch, prefix, CONFIG)


def end_while(site: Site, folder: Path, go: Callable[[], Callable[[], None]]) -> None:
    """Let a worker begin, take a server away, end the worker, bring the server back, and let another worker finish."""
    first = WorkerProcess(site.environment, folder / "first.log")
    first.wait_until_ready()
    send_work()
    wait_for("lead-decisions", at_least(1))
    come_back = go()
    try:
        asked = time.monotonic()
        assert first.stop() == 0, first.lines()
        assert time.monotonic() - asked < ENDS_WITHIN, first.lines()
        assert "worker.stopped" in first.lines()
        assert "Traceback" not in first.lines()
    finally:
        come_back()
    second = WorkerProcess(site.environment, folder / "second.log")
    try:
        second.wait_until_ready()
        expect_all_decided_once()
    finally:
        assert second.stop() == 0


@pytest.mark.kafka
@pytest.mark.parametrize(("server", "how"), [("kafka", "hung"), ("valkey", "killed")])
def test_sigterm_while_a_server_is_away(
    site: Site,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_kafka: KafkaServer,
    own_valkey: ValkeyServer,
    server: str,
    how: str,
) -> None:
    """With Kafka and Redis, whichever of the two is away; a broker that was killed is in `test_ending`."""
    on_servers(site, monkeypatch, own_kafka.address, own_valkey.url)
    gone = own_kafka if server == "kafka" else own_valkey
    end_while(site, tmp_path, lambda: getattr(Gone, how)(gone))


def test_sigterm_while_redis_hangs_beside_the_embedded_log(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_valkey: ValkeyServer
) -> None:
    """With the embedded log and a Redis of its own for the ledger."""
    site.environment["ROUTER_REDIS_URL"] = own_valkey.url
    monkeypatch.setenv("ROUTER_REDIS_URL", own_valkey.url)
    end_while(site, tmp_path, lambda: Gone.hung(own_valkey))
