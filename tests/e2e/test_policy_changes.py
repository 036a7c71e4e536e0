"""A configuration is changed under two running workers: in force on both within a second, or refused."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from router.adapters.embedded.entries import stream_key
from router.adapters.embedded.valkey import embedded_valkey
from router.policy.load import load_policy
from tests.e2e.command import SECRET
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.topics import at_least, data, read, send, send_at_once, wait_for

WITHIN = 1.0  # seconds, of the contract
SENT = 60

POLICY = """\
forms:
  demo: {action: demo_request, intent: high}
fit:
  icp_at: 0
  rules: []
stages:
  - {stage: iql, when: 'fit.icp && form.intent == "high"'}
reps:
  - {id: ana, name: Ana, email: ana@sales.example, capacity: 1}
  - {id: ben, name: Ben, email: ben@sales.example, capacity: 1}
managers:
  - {id: mia, name: Mia, email: mia@sales.example}
pools:
  all: {members: 'true', strategy: in_order}
routes:
  - name: hot
    when: 'stage == "iql"'
    sla: fast
    steps: [{pool: all, accept_within: 1h}]
sla:
  fast: {first_touch: 2h}
"""


class Site:
    """A deployment on the embedded servers: two workers, each with a directory of its own."""

    def __init__(self, environment: dict[str, str], folder: Path, workers: ExitStack) -> None:
        self._environment = environment
        self.folder = folder
        self.workers: list[WorkerProcess] = []
        for number in (1, 2):
            self.write(number, POLICY)
            settings = {**environment, "ROUTER_CONFIG": str(self.config(number))}
            worker = WorkerProcess(settings, folder / f"worker-{number}.log")
            workers.callback(worker.stop)
            worker.wait_until_ready()
            self.workers.append(worker)

    def config(self, number: int) -> Path:
        """Return the directory of a worker."""
        return self.folder / f"config-{number}"

    def write(self, number: int, text: str) -> float:
        """Save a worker's configuration and return when that was."""
        self.config(number).mkdir(exist_ok=True)
        file = self.config(number) / "policy.yaml"
        file.write_text(text, encoding="utf-8")
        return file.stat().st_mtime

    def version(self, number: int) -> str:
        """Return the version of what stands in a worker's directory."""
        return load_policy(self.config(number)).policy.version

    def consumers(self) -> list[dict[str, Any]]:
        """Return what the embedded log knows of those who take submissions from it."""

        async def ask() -> list[dict[str, Any]]:
            async with embedded_valkey(Path(self._environment["ROUTER_DATA_DIR"])) as url:
                stream = stream_key(self._environment["ROUTER_TOPIC_PREFIX"], "form-submissions")
                with redis.Redis.from_url(url) as client:
                    found: Any = client.xinfo_consumers(stream, f"router-{self._environment['ROUTER_WORKSPACE']}")
                    return list(found)

        return asyncio.run(ask())


@pytest.fixture
def site(tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Give the deployment, with ana and ben available."""
    environment = {
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as workers:
        site = Site(environment, tmp_path, workers)
        at = datetime.now(UTC).isoformat()
        come = [{"rep_id": rep, "status": "available", "at": at, "ttl_seconds": 0} for rep in ("ana", "ben")]
        send([bare("rep-presence", presence) for presence in come])
        yield site


def submission(name: str) -> dict[str, str]:
    """Return what somebody fills in now."""
    at = datetime.now(UTC).isoformat()
    return {"submission_id": name, "submitted_at": at, "form": "demo", "email": f"{name}@acme.example"}


def send_leads(*names: str) -> list[dict[str, Any]]:
    """Send submissions one after another, and return what came of each first."""
    for count, name in enumerate(names, start=1):
        send([bare("form-submissions", submission(name))])
        wait_for("lead-assignments", at_least(count))
    return assignments()


def assignments() -> list[dict[str, Any]]:
    """Return all that happened to leads, in order, with its type."""
    found = [{**data(one), "type": one.headers["ce_type"].decode()} for one in read("lead-assignments")]
    return sorted(found, key=lambda one: int(one["sequence"]))


def seconds(at: str) -> float:
    """Return an instant as the file system tells it."""
    return datetime.fromisoformat(at).timestamp()


def logged(worker: WorkerProcess, event: str, *, within: float = 10.0, **fields: str) -> dict[str, Any]:
    """Return a worker's first line of *event* with these fields, as soon as it stands there."""
    deadline = time.monotonic() + within
    while True:
        for line in worker.lines().splitlines():
            if event in line:
                known: dict[str, Any] = json.loads(line)
                if known["event"] == event and all(known.get(name) == value for name, value in fields.items()):
                    return known
        assert time.monotonic() < deadline, (event, fields, worker.lines())
        time.sleep(0.02)


def test_more_capacity_frees_a_waiting_lead_and_both_workers_follow(site: Site) -> None:
    """Within a second of saving the lead is assigned, and whatever either worker decides from then on is by it."""
    seen = send_leads("a", "b", "c")
    assert [one["type"] for one in seen] == ["lead.assigned.v1", "lead.assigned.v1", "lead.queued.v1"]
    saved = site.write(1, POLICY.replace("ana@sales.example, capacity: 1", "ana@sales.example, capacity: 2"))
    wait_for("lead-assignments", at_least(4))
    freed = assignments()[3]
    assert (freed["type"], freed["rep_id"]) == ("lead.assigned.v1", "ana")
    new = site.version(1)
    delays = {
        "assigned": seconds(freed["at"]) - saved,
        "installed": seconds(logged(site.workers[0], "policy.installed", version=new)["timestamp"]) - saved,
        "followed": seconds(logged(site.workers[1], "policy.followed", version=new)["timestamp"]) - saved,
    }
    print({what: f"{delay:.3f} s" for what, delay in delays.items()})
    assert all(0 < delay < WITHIN for delay in delays.values()), delays

    time.sleep(max(0.0, saved + WITHIN - time.time()))  # up to then either policy may decide
    asked = time.monotonic()
    send([bare("form-submissions", submission(f"later-{number}")) for number in range(SENT)])
    wait_for("lead-decisions", at_least(3 + SENT))
    decided = {data(one)["submission_id"]: data(one)["policy_version"] for one in read("lead-decisions")}
    assert {version for name, version in decided.items() if name.startswith("later-")} == {new}
    took_part = [one for one in site.consumers() if one["inactive"] < (time.monotonic() - asked) * 1000]
    assert len(took_part) == 2, "one worker decided all of it"


def test_a_configuration_that_does_not_check_is_refused_and_the_old_one_stays(site: Site) -> None:
    """File, line and problem are logged, and no address; all goes on by the old one until the file is repaired."""
    send_leads("a", "b", "c")
    old = site.version(1)
    larger = POLICY.replace("capacity: 1", "capacity: 5")
    site.write(1, larger.replace("{pool: all,", "{pool: al,").replace("ben@sales.example", "ben@"))
    refused = logged(site.workers[0], "policy.refused")
    line = larger[: larger.index("{pool: all,")].count("\n") + 1
    address, problem = refused["problems"]
    assert "is not an e-mail address" in address
    assert "ben@" not in address
    assert problem.startswith(f"{site.config(1) / 'policy.yaml'}:{line}: ")
    assert "'all'" in problem
    assert (refused["kept"], refused["errors"]) == (old, 2)
    send([bare("form-submissions", submission("d"))])
    wait_for("lead-assignments", at_least(4))
    assert [data(one)["policy_version"] for one in read("lead-decisions")] == [old] * 4
    assert assignments()[3]["type"] == "lead.queued.v1"
    saved = site.write(1, larger)
    wait_for("lead-assignments", at_least(6))
    assert all(seconds(one["at"]) - saved < WITHIN for one in assignments()[4:])


def test_files_that_are_being_written_are_left_alone_until_they_rest(site: Site) -> None:
    """Saved again and again, broken in between: what is taken is what stands there in the end, and nothing before."""
    halves = POLICY[: POLICY.index("routes:")], POLICY.replace("capacity: 1", "capacity: 7")
    for half in halves * 6:
        site.write(1, half)
        time.sleep(0.05)  # as an editor or a copy takes its time
    logged(site.workers[1], "policy.followed", version=site.version(1))
    assert "policy.refused" not in site.workers[0].lines()
    installed = [line for line in site.workers[0].lines().splitlines() if "policy.installed" in line]
    assert len(installed) == 2, "at the start, and now"


def test_a_removed_rep_gives_back_and_the_lead_keeps_what_it_was_decided_by(site: Site) -> None:
    """What ana has not accepted goes on to ben at once, under the route and version of its decision."""
    old = site.version(1)
    [held] = send_leads("a")
    assert held["rep_id"] == "ana"
    without = "".join(line for line in POLICY.splitlines(keepends=True) if "id: ana" not in line)
    saved = site.write(2, without.replace("name: hot", "name: warm"))
    wait_for("lead-assignments", at_least(3))
    gone, again = assignments()[1:]
    assert (gone["type"], gone["rep_id"], gone["reason"]) == ("lead.unassigned.v1", "ana", "rep_unavailable")
    assert (again["type"], again["rep_id"]) == ("lead.assigned.v1", "ben")
    assert {(one["route"], one["policy_version"]) for one in (gone, again)} == {("hot", old)}
    assert seconds(again["at"]) - saved < WITHIN
    logged(site.workers[0], "policy.followed", version=site.version(2))
    send_at_once([bare("form-submissions", submission("b"))])
    wait_for("lead-assignments", at_least(4))
    later = assignments()[3]
    assert (later["route"], later["policy_version"]) == ("warm", site.version(2))
