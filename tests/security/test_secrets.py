"""Secrets of real processes are looked for where others may look: lists of processes, logs, errors, files, Redis."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import redis

from tests.gateway.test_submissions import LEAD
from tests.notifier.office import until as until_met
from tests.notifier.receivers import Receiver, free_port
from tests.unit.policy_text import MINIMAL, write
from tests.valkey import ValkeyServer

SECRETS: Mapping[str, str] = {
    "ROUTER_SECRET": "markersecret-that-signs-links-and-sessions",
    "ROUTER_IDENTITY_KEY": "3a7e" * 16,
    "HOOK_SECRET": "whsec_bWFya2VyaG9va21hcmtlcmhvb2ttYXJrZXJob29r",
    "CHAT_URL": f"json://markeruser:markerpassword@127.0.0.1:{free_port()}/markerpath",
    "SOURCE_SECRET": "markersource-of-a-form-platform",
}
WORDS = (*SECRETS.values(), "markersecret", "markerhook", "markeruser", "markerpassword", "markerpath", "markersource")
EMAIL = "markermail@acme.example"


def configuration(folder: Path, hook: str) -> Path:
    """Write a policy with a signed webhook, a chat whose address is a secret, and a source that signs."""
    channels = f"crm: {{webhook: '{hook}', secret_env: HOOK_SECRET}}, chat: {{url_env: CHAT_URL}}"
    rules = "[{kinds: [assigned, no_rep_available], to: [crm, chat]}, {events: [lead-decisions], to: [crm, chat]}]"
    source = "sources:\n  site: {kind: generic, secret_env: SOURCE_SECRET, form: demo}\n"
    return write(folder, f"{MINIMAL}notify:\n  channels: {{{channels}}}\n  rules: {rules}\n{source}")


@contextmanager
def running(command: str, folder: Path, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a process at debug level; give it with the file of all that it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    settings = {
        **kept, **SECRETS, "ROUTER_DATA_DIR": str(folder / "data"), "ROUTER_LISTEN": "127.0.0.1:0",
        "ROUTER_LOG_FORMAT": "json", "ROUTER_DEBUG": "1", **more,
    }  # fmt: skip
    said = folder / f"{command}.log"
    with said.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.security.at_debug", command],
            env=settings, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def until_said(said: Path, words: str, within: float = 40.0) -> str:
    """Return all that was said as soon as *words* are a part of it."""
    deadline = time.monotonic() + within
    while words not in (text := said.read_text(encoding="utf-8", errors="replace")):
        assert time.monotonic() < deadline, text[-2000:]
        time.sleep(0.05)
    return text


def command_lines() -> bytes:
    """Return the command line of every process, as anybody on this machine may read it."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" "))
        except OSError:  # ended meanwhile
            continue
    return b"\n".join(lines)


def expect_none(text: bytes, *words: str) -> None:
    """Check that no secret is in *text*."""
    assert [word for word in (*WORDS, *words) if word.encode() in text] == []


@pytest.fixture
def hook() -> Iterator[Receiver]:
    """Give the webhook's receiver."""
    with Receiver().listening() as one:
        yield one


async def test_a_running_router_shows_none_of_its_secrets(tmp_path: Path, hook: Receiver) -> None:
    """Neither in a list of processes, nor in what it says at its loudest, nor in any file but that of the secret."""
    config = configuration(tmp_path / "config", hook.url)
    with running("up", tmp_path, ROUTER_CONFIG=str(config)) as (_, said):
        [address] = re.findall(r"listening at (\S+)", until_said(said, "listening at"))
        until_said(said, "worker.ready")
        key = made_key(tmp_path, config)
        async with httpx.AsyncClient(base_url=address, timeout=20) as client:
            bearer = {"Authorization": f"Bearer {key}"}
            answer = await client.post("/v1/submissions", json={**LEAD, "form": "demo", "email": EMAIL}, headers=bearer)
            assert answer.status_code == 202
            refused = await client.post("/v1/submissions", json=LEAD, headers={"Authorization": f"Bearer {key}x"})
            assert refused.status_code == 401
            wrong = await client.post("/v1/webhooks/site", json=LEAD, headers={"X-Signature": "nonsense"})
            assert wrong.status_code == 401
            figures = (await client.get("/metrics")).content
        await until_met(lambda: hook.requests)
        until_said(said, "channel.failing")  # the chat, whose address is a secret
        lines = command_lines()
        assert b"valkey-server" in lines
        expect_none(lines, key)
    expect_none(figures, key, EMAIL, LEAD["email"])
    expect_none(said.read_bytes(), key, EMAIL)
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and file.name != "secret":
            expect_none(file.read_bytes(), key)


def made_key(folder: Path, config: Path) -> str:
    """Make a key of the gateway."""
    with running_to_its_end(folder, "keys", "create", "site", "--scope", "ingest", "--json", config=config) as out:
        return str(json.loads(out)["key"])


@contextmanager
def running_to_its_end(folder: Path, *words: str, config: Path) -> Iterator[str]:
    """Run a command and give what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    settings = {**kept, **SECRETS, "ROUTER_DATA_DIR": str(folder / "data"), "ROUTER_CONFIG": str(config)}
    done = subprocess.run(
        [sys.executable, "-m", "router.cli", *words],
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    yield done.stdout


@pytest.mark.parametrize(("command", "away"), [("worker", False), ("gateway", True)])
def test_a_password_that_is_refused_is_not_repeated(
    tmp_path: Path, own_valkey: ValkeyServer, command: str, *, away: bool
) -> None:
    """Nor one of a server that is away; not even where all of an error is asked for."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.config_set("requirepass", "the right one")
    config = configuration(tmp_path / "config", "http://127.0.0.1:9/hook")
    where = f"127.0.0.1:{free_port()}" if away else own_valkey.url.rpartition("/")[2]
    address = f"redis://markeruser:markerpassword@{where}"
    with running(command, tmp_path, ROUTER_CONFIG=str(config), ROUTER_REDIS_URL=address) as (process, said):
        assert process.wait(60) == (3 if away else 1)
        assert b"error: " in said.read_bytes()
        expect_none(said.read_bytes())


async def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path, hook: Receiver) -> None:
    """The data folder, the secret and the socket of the embedded server; which listens on no port."""
    config = configuration(tmp_path / "config", hook.url)
    with running("worker", tmp_path, ROUTER_CONFIG=str(config), ROUTER_SECRET="", ROUTER_IDENTITY_KEY="") as (_, said):
        until_said(said, "worker.ready")
        data = tmp_path / "data"
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "secret").stat().st_mode) == 0o600
        kept = [file for file in data.rglob("*.aof*") if file.is_file()]
        assert kept
        assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in kept} == {0}
        sockets = [file for file in data.rglob("*") if stat.S_ISSOCK(file.stat().st_mode)]
        assert [stat.S_IMODE(file.stat().st_mode) for file in sockets] == [0o700] * len(sockets)
        if sockets:  # a folder whose path is too long has its socket elsewhere
            with redis.Redis(unix_socket_path=str(sockets[0])) as client:
                assert client.config_get("port") == {"port": "0"}
