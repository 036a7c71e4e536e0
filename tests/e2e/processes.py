"""Real worker processes, started as a user would, that a test may kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

READY_WITHIN = 40.0
ANY_PORT = {"ROUTER_LISTEN": "127.0.0.1:0"}  # two of `up` may run at the same time


class WorkerProcess:
    """
    One `router worker` (or `up`) with its settings in the environment; its log lines go to a file.

    Another *module* may stand in for the command line.
    """

    def __init__(
        self, environment: Mapping[str, str], log: Path, command: str = "worker", module: str = "router.cli"
    ) -> None:
        self._log = log
        with log.open("wb") as lines:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, command],
                env={**_without_router(os.environ), **ANY_PORT, **environment, "ROUTER_LOG_FORMAT": "json"},
                stdout=lines,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Return when the worker is about to consume; raises with its last lines where it ended instead."""
        deadline = time.monotonic() + READY_WITHIN
        while "worker.ready" not in self.lines():
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"the worker is not ready: {self.lines()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.05)

    def lines(self) -> str:
        """Return what it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """End it with SIGKILL, as the kernel would when memory is short."""
        self._process.kill()
        self._process.wait(10)

    def pause(self) -> None:
        """Stop it where it is, as a machine that is moved or swaps does, until `resume`."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on, unaware."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """End it with SIGTERM and return its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def _without_router(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("ROUTER_")}
