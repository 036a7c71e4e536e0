"""`router audit` on logs that real workers have written: right ones, and such as somebody has tampered with."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.ports import Outgoing
from router.settings import Settings, load_settings
from tests.e2e.play import Stage
from tests.e2e.scenario import Scenario
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.topics import data, read, send

OVER = timedelta(seconds=3)
BOTH = ["embedded", pytest.param("kafka", marks=pytest.mark.kafka)]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """A load with declines, misses, breaches and poison."""
    return Scenario.make(200, first_touch=timedelta(seconds=6), accept_within=timedelta(seconds=2))


@pytest.fixture(params=BOTH)
def site(
    request: pytest.FixtureRequest, scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> Site:
    """A deployment on each of the two logs."""
    site = site_in(tmp_path, monkeypatch, prefix, scenario.write_policy(tmp_path / "config"))
    if request.param == "kafka":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    return site


def audited(site: Site, *options: str) -> tuple[int, dict[str, Any]]:
    """Run the command and return its exit code, with its report."""
    done = subprocess.run(
        [sys.executable, "-m", "router.cli", "audit", "--json", *options],
        env={**os.environ, **site.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1), done
    return done.returncode, json.loads(done.stdout)


def test_a_right_log_is_found_right_and_a_doctored_one_is_not(
    site: Site, scenario: Scenario, workers: ExitStack
) -> None:
    """What workers wrote breaks nothing, whole and from its middle on; a second owner and a lost decision are found."""
    settings: Settings = load_settings()
    worker = site.start_worker("worker")
    workers.callback(worker.stop)
    played = asyncio.run(Stage(scenario, settings).play(OVER))

    code, told = audited(site, "--strict")
    assert (code, told["violations"]) == (0, []), told
    assert told["counts"]["submissions"] == len(played.decided)
    assert told["counts"]["assignments"]["assigned"] > 30
    assert told["waiting"] == {}

    middle = played.of("lead-assignments")[len(played.of("lead-assignments")) // 2].data or {}
    code, told = audited(site, "--since", middle["at"], "--grace", "1s")
    assert (code, told["violations"]) == (0, []), told

    assigned = next(record for record in read("lead-assignments") if record.headers["ce_type"] == b"lead.assigned.v1")
    last = max(data(record)["sequence"] for record in read("lead-assignments"))
    other = {**data(assigned), "rep_id": "somebody-else", "sequence": last + 1}
    headers = {**assigned.headers, "ce_id": b"doctored"}
    lost = Outgoing("form-submissions", None, orjson.dumps({**FORM, "submission_id": "never-decided"}))
    worker.stop()
    send([Outgoing("lead-assignments", assigned.key, orjson.dumps(other), headers), lost])

    code, told = audited(site, "--strict")
    assert code == 1
    assert {each["promise"] for each in told["violations"]} >= {1, 2}
    assert "never-decided" in json.dumps(told["violations"])
    code, told = audited(site)
    assert told["waiting"], "what no worker has taken yet waits, and is not lost"
    assert "never-decided" not in json.dumps(told["violations"])


FORM = {
    "submitted_at": "2026-03-02T14:05:09.123Z",
    "form": "demo-request",
    "email": "kim@example.com",
}
