"""A real worker whose event loop stands says where, and ends; one that was only stopped goes on."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.blocked_worker import ENDS_AFTER
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.site import Site, site_in
from tests.e2e.topics import at_least, send, wait_for

CONFIG = Path(__file__).resolve().parents[2] / "config"


def start(site: Site, folder: Path) -> WorkerProcess:
    """Start a worker of little patience."""
    worker = WorkerProcess(site.environment, folder / "blocked.log", module="tests.e2e.blocked_worker")
    worker.wait_until_ready()
    return worker


def test_a_blocked_loop_ends_its_process_and_a_stopped_process_goes_on(
    tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A process that stood still as a whole for longer than its patience goes on with its work.

    One whose loop stands names the place, exits with 70, and says nothing of whom it was working for.
    """
    site = site_in(tmp_path, monkeypatch, prefix, CONFIG)
    worker = start(site, tmp_path)
    worker._process.send_signal(signal.SIGSTOP)
    time.sleep(ENDS_AFTER + 1)  # what is shown is that nothing follows from the time itself
    worker._process.send_signal(signal.SIGCONT)
    now = datetime.now(UTC).isoformat()
    form = {"form": "demo-request", "submitted_at": now, "submission_id": "s-1", "email": "dana@acme.example"}
    send([bare("form-submissions", form)])
    wait_for("lead-decisions", at_least(1))
    assert "loop.stands" not in worker.lines()

    worker._process.send_signal(signal.SIGUSR1)
    assert worker._process.wait(60) == 70
    said = worker.lines()
    assert "loop.stalls" in said
    assert "loop.stands" in said
    assert "sleep_for_an_hour" in said
    assert "dana" not in said
    assert site.start_worker().stop() == 0  # the next one goes on, and takes the server that was left with it


def test_a_round_that_stands_ends_its_process(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that never answers, while Redis is there, is told of in one line; what was in work is left in order."""
    worker = start(site_in(tmp_path, monkeypatch, prefix, CONFIG), tmp_path)
    worker._process.send_signal(signal.SIGUSR2)
    assert worker._process.wait(60) == 70
    said = worker.lines()
    assert "error: The round 'tick' has not come round" in said
    assert "Traceback" not in said
