"""The bundled Valkey is one for each data directory, whoever comes, goes or is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis.asyncio as redis
import stamina

from router.adapters.embedded.valkey import embedded_valkey
from router.errors import DependencyDown

USER = """
import asyncio, pathlib, sys
from router.adapters.embedded.valkey import embedded_valkey
async def main():
    async with embedded_valkey(pathlib.Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


def _pid(data_dir: Path) -> int:
    return int((data_dir / "valkey" / "valkey.pid").read_text())


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


async def _value(url: str) -> object:
    async with redis.Redis.from_url(url) as client:
        return await client.get("kept")


async def _patient_value(url: str) -> object:
    async for attempt in stamina.retry_context(on=redis.RedisError, attempts=None, timeout=None, wait_max=0.1):
        with attempt:
            return await _value(url)
    return None


async def test_two_users_share_one_server_and_the_last_stops_it(tmp_path: Path) -> None:
    """A second user attaches to the first's server, which goes on until both have left, and keeps its data."""
    async with embedded_valkey(tmp_path) as outer:
        async with embedded_valkey(tmp_path) as inner:
            assert inner == outer
        pid = _pid(tmp_path)
        assert _runs(pid)
        async with redis.Redis.from_url(outer) as client:
            await client.set("kept", "1")
            policy = await client.config_get("appendfsync", "maxmemory-policy", "appendonly", "port")
        assert policy == {"appendfsync": "always", "maxmemory-policy": "noeviction", "appendonly": "yes", "port": "0"}
    assert not _runs(pid)
    async with embedded_valkey(tmp_path) as url:
        assert await _value(url) == b"1"


async def test_an_orphan_is_attached_to_and_then_stopped(tmp_path: Path) -> None:
    """The server of a user killed with SIGKILL lives; the next user attaches to it and, leaving last, stops it."""
    child = subprocess.Popen(  # noqa: ASYNC220 - short, and the test has nothing else to do
        [sys.executable, "-c", USER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        first = (await asyncio.to_thread(child.stdout.readline)).strip()
        pid = _pid(tmp_path)
        child.send_signal(signal.SIGKILL)
    assert _runs(pid)
    async with embedded_valkey(tmp_path) as url:
        assert (url, _pid(tmp_path)) == (first, pid)
    assert not _runs(pid)


async def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    """After SIGKILL of the server a user starts it again, and it has every answered write."""
    async with embedded_valkey(tmp_path) as url:
        async with redis.Redis.from_url(url) as client:
            await client.set("kept", "1")
        pid = _pid(tmp_path)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            assert await _patient_value(url) == b"1"
        assert _pid(tmp_path) != pid


async def test_a_deep_folder_gets_a_short_socket(tmp_path: Path) -> None:
    """Where the folder's path is too long for a socket, a short one is made and every user finds the same."""
    deep = tmp_path / ("d" * 90) / "data"
    async with embedded_valkey(deep) as first, embedded_valkey(deep) as second:
        assert first == second
        assert len(first.removeprefix("unix://")) < 100


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A data directory that is no directory is an unreachable server, told with its path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DependencyDown, match=str(tmp_path / "file")):
        async with embedded_valkey(tmp_path / "file"):
            pass
