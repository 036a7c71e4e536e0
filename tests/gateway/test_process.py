"""The commands as a user starts them: what they print, how they stop, and what they say when they cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import stamina

from tests.gateway.live import SHIPPED
from tests.gateway.test_submissions import LEAD

FRESH = {"form": "demo-request", "email": "cto@globex.example", "job_title": "CTO", "employees": 6000}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a process that keeps its data in *folder* and listens on a free port."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    return {
        **own,
        "ROUTER_DATA_DIR": str(folder / "data"),
        "ROUTER_CONFIG": str(SHIPPED),
        "ROUTER_LISTEN": "127.0.0.1:0",
        "ROUTER_LOG_FORMAT": "json",
        **more,
    }


def router(*words: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    command = [sys.executable, "-m", "router.cli", *words]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def started(command: str, settings: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a process, and give it with the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "router.cli", command],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.fullmatch(r"listening at (http://127\.0\.0\.1:\d+)\n", line)
        assert address, line
        yield process, address[1]
    finally:
        process.terminate()  # in good order: what is killed leaves its Valkey to the next one
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        if process.stdout is not None:
            process.stdout.close()


def test_up_takes_a_lead_from_http_to_a_rep_and_stops(tmp_path: Path) -> None:
    """`up` prints where it listens, routes what comes in there, counts and watches all of it, and stops on SIGTERM."""
    settings = environment(tmp_path)
    with started("up", settings) as (process, address), httpx.Client(base_url=address, timeout=20) as client:
        key = json.loads(router("keys", "create", "all", "--scope", "admin", "--json", settings=settings).stdout)["key"]
        client.headers["Authorization"] = f"Bearer {key}"
        for rep in ("ana", "ben", "chloe", "dirk", "emma"):
            body = {"status": "available", "ttl_seconds": 0}
            assert client.post(f"/v1/reps/{rep}/presence", json=body).status_code == 202
        with client.stream("GET", "/v1/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            assert client.post("/v1/submissions", json=FRESH).status_code == 202
            kinds = (line.removeprefix("event: ") for line in lines if line.startswith("event: "))
            assert next(kind for kind in kinds if kind.startswith("lead.")) in {"lead.assigned.v1", "lead.queued.v1"}
            for attempt in stamina.retry_context(on=AssertionError, attempts=None, timeout=20, wait_max=0.2):
                with attempt:  # what is seen on the log is counted a moment later
                    told = client.get("/metrics").text
                    assert 'router_http_events_accepted_total{topic="form-submissions"} 1.0' in told
                    assert "router_decisions_total{" in told
                    assert "router_watchdog_last_clean_pass_timestamp_seconds 1" in told
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_a_gateway_ends_what_is_in_work(tmp_path: Path) -> None:
    """A request whose body is still coming when SIGTERM does is answered, and the process ends with 0."""
    settings = environment(tmp_path)
    with started("gateway", settings) as (process, address):
        key = json.loads(router("keys", "create", "in", "--scope", "ingest", "--json", settings=settings).stdout)["key"]
        body = json.dumps(LEAD).encode()
        head = (
            "POST /v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as call:
            call.sendall(head.encode() + body[:10])
            time.sleep(0.2)  # until the head is read; were it not, the test would still hold
            process.send_signal(signal.SIGTERM)
            call.sendall(body[10:])
            answer = call.recv(65536)
        assert answer.startswith(b"HTTP/1.1 202")
        assert process.wait(20) == 0


def test_a_gateway_without_its_server_says_so(tmp_path: Path) -> None:
    """An unreachable Redis is one sentence and exit 3."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = router("gateway", settings=environment(tmp_path, ROUTER_REDIS_URL=f"redis://127.0.0.1:{port}"))

    assert answer.returncode == 3
    assert "does not answer" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("command", ["gateway", "up"])
def test_an_address_that_is_taken_is_said(tmp_path: Path, command: str) -> None:
    """Where somebody listens already, the setting is named and nothing is started: exit 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = router(command, settings=environment(tmp_path, ROUTER_LISTEN=address))

    assert (answer.returncode, answer.stdout) == (1, "")
    assert f"ROUTER_LISTEN={address}" in answer.stderr
    assert not (tmp_path / "data").exists()


def test_two_identity_keys_do_not_share_a_ledger(tmp_path: Path) -> None:
    """A gateway with another identity key than the ledger's is refused: exit 1."""
    one, other = (environment(tmp_path, ROUTER_IDENTITY_KEY=digit * 64) for digit in "ab")
    with started("gateway", one):
        answer = router("gateway", settings=other)

    assert answer.returncode == 1
    assert "identity key" in answer.stderr
