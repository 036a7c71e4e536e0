"""
A real Valkey for tests: the bundled binary on a free port, that a test may kill and start again.

Its append-only file is written before every answer, as in production.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from router.adapters.embedded.valkey import valkey_binary

READY_WITHIN = 30.0


class ValkeyServer:
    """One server under *folder*. `kill` and `start` again keep its data and its address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.environment: Mapping[str, str] = {}
        """What it has in its environment beyond that of this process, from its next start on."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def url(self) -> str:
        """What goes into `ROUTER_REDIS_URL`."""
        return f"redis://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the server and return when it has loaded its data and answers."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly yes --appendfsync always --logfile server.log"
        command = [str(valkey_binary()), *options.split(), "--maxmemory-policy", "noeviction", "--save", ""]
        self._process = subprocess.Popen(
            command, cwd=self._folder, env={**os.environ, **self.environment}, start_new_session=True
        )
        deadline = time.monotonic() + READY_WITHIN
        with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError:
                    if self._process.poll() is not None or time.monotonic() > deadline:
                        raise
                    time.sleep(0.02)
                else:
                    return

    def kill(self) -> None:
        """Kill the server with SIGKILL, as a power cut would."""
        self._end(kill=True)

    def stop(self) -> None:
        """Stop the server in good order."""
        self._end(kill=False)

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            if kill:
                self._process.kill()
            else:
                self._process.terminate()
            self._process.wait(20)
            self._process = None
