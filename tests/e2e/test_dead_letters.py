"""`router dead-letters` as an operator runs it: what was refused is listed, sent again, and has its effect once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.cli import run
from router.entrypoints.dead_letters import wanted
from router.errors import BadInput
from router.events.envelope import REPLAYED_FROM, dead_letter
from router.policy import load_policy
from router.ports import Outgoing, Received
from tests.e2e.command import BAD_INPUT, Ended, expect_failure
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.topics import data, read, send, wait_for
from tests.unit.pipeline_floor import SIMPLE
from tests.unit.policy_text import change, write

POLICY = change("calendar: office, ", "", SIMPLE)
Cli = Callable[..., Ended]
CLEO = "  - {id: cleo, name: Cleo, email: cleo@sales.example, attributes: {languages: [en]}}\n"
WITH_CLEO = change("managers:\n", CLEO + "managers:\n", POLICY)
PERSON = {"email": "markermail@acme.example", "job_title": "Director", "employees": 120, "first_name": "Markerfirst"}


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def site(request: pytest.FixtureRequest, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A deployment on each log, whose policy does not know cleo yet."""
    site = site_in(tmp_path, monkeypatch, prefix, write(tmp_path / "config", POLICY))
    if request.param == "kafka":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    return site


@pytest.fixture
def cli(site: Site, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command about dead letters in this process, which has the site's settings."""
    assert site.environment

    def run_it(*words: str) -> Ended:
        capsys.readouterr()
        code = run(["dead-letters", *words])
        return Ended(code, *capsys.readouterr())

    return run_it


@pytest.fixture
def worker(site: Site) -> Iterator[WorkerProcess]:
    """A worker that is ready."""
    worker = site.start_worker()
    yield worker
    worker.stop()


def test_what_was_refused_has_its_effect_once_after_the_fix(cli: Cli, worker: WorkerProcess, tmp_path: Path) -> None:
    """A rep who was missing in the policy: their presence is refused, sent again, and they have the lead, once."""
    send([bare("form-submissions", submission("s1"))])
    wait_for("lead-assignments", lambda seen: "lead.queued.v1" in types(seen))
    send([keyed("rep-presence", presence("cleo"), b"cleo's key"), broken()])
    wait_for("dead-letters", lambda seen: len(seen) == 2)
    listed = told_by(cli, "list", "--code", "unknown_rep")
    assert [(one["code"], one["replayed_at"]) for one in listed] == [("unknown_rep", None)]
    expect_a_table(cli, listed[0]["place"])

    in_force(worker, load_policy(write(tmp_path / "config", WITH_CLEO)).policy.version)
    told = told_by(cli, "replay", "--code", "unknown_rep", "--dry-run")
    assert (len(told["replayed"]), told["dry_run"], len(read("rep-presence"))) == (1, True, 1)
    told = told_by(cli, "replay", "--topic", "rep-presence")
    assert [one["place"] for one in told["replayed"]] == [listed[0]["place"]]
    assigned = wait_for("lead-assignments", lambda seen: "lead.assigned.v1" in types(seen))
    assert [data(one)["rep_id"] for one in assigned] == [None, "cleo"]
    first, second = read("rep-presence")
    assert (second.key, second.value) == (first.key, first.value)
    assert second.headers[REPLAYED_FROM].decode() == listed[0]["id"]

    told = told_by(cli, "replay", "--code", "unknown_rep")
    assert (told["replayed"], len(told["left"]), len(read("rep-presence"))) == ([], 1, 2)
    told = told_by(cli, "replay", listed[0]["place"], "--again")
    assert (len(told["replayed"]), len(read("rep-presence"))) == (1, 3)

    told = told_by(cli, "replay", "--code", "malformed_json")
    assert len(told["replayed"]) == 1
    wait_for("dead-letters", lambda seen: types_of_code(seen, "malformed_json") == 2)
    assert len(told_by(cli, "replay", "--code", "malformed_json")["replayed"]) == 1, "the new letter, once"
    assert types(read("lead-assignments")) == ["lead.queued.v1", "lead.assigned.v1"]


@pytest.mark.usefixtures("worker")
def test_what_had_its_effect_has_no_second_one(site: Site, cli: Cli) -> None:
    """A submission that was decided all the same is decided once, however often its letter is sent again."""
    send([bare("form-submissions", submission("s1"))])
    wait_for("lead-decisions", lambda seen: len(seen) == 1)
    [record] = read("form-submissions")
    topic = site.environment["ROUTER_TOPIC_PREFIX"] + "form-submissions"
    now, workspace = datetime.now(UTC), site.environment["ROUTER_WORKSPACE"]
    send([dead_letter(record, "processing_failed", "the router failed on it", now, workspace, topic)])

    told = told_by(cli, "replay")
    assert len(told["replayed"]) == 1
    send([bare("form-submissions", {**submission("s2"), "email": "other@acme.example"})])
    wait_for("lead-decisions", lambda seen: "s2" in [data(one)["submission_id"] for one in seen])

    assert sorted(data(one)["submission_id"] for one in read("lead-decisions")) == ["s1", "s2"]


def test_what_cannot_be_asked_for(cli: Cli) -> None:
    """A code, a place and a time that there are not are bad input, and the message says which there are."""
    expect_failure(cli("list", "--code", "nonsense"), BAD_INPUT, "unknown_rep")
    now = datetime.now(UTC)
    for places, since in (((), "yesterday"), (("form-submissions",), None), (("a/b/c",), None)):
        with pytest.raises(BadInput):
            wanted(places, None, None, since, now)
    assert wanted(("form-submissions/0/3",), None, None, "1d", now).since is not None


def in_force(worker: WorkerProcess, version: str) -> None:
    """Return when the worker has put a policy in force."""
    deadline = time.monotonic() + 30
    while version not in worker.lines():
        assert time.monotonic() < deadline, "the new policy is not in force"
        time.sleep(0.05)


def expect_a_table(cli: Cli, place: str) -> None:
    """Check the list for people: a line a letter, and what a record held only where it is asked for."""
    plain = cli("list", "--code", "unknown_rep")
    assert (plain.code, plain.err) == (0, "")
    assert place in plain.out
    assert "unknown_rep" in plain.out
    assert "available" not in plain.out
    assert '"available"' in cli("list", "--code", "unknown_rep", "--value").out
    [shown] = told_by(cli, "list", "--code", "unknown_rep", "--value")
    assert json.loads(base64.b64decode(shown["value_base64"]))["rep_id"] == "cleo"


def told_by(cli: Cli, *words: str) -> Any:  # noqa: ANN401 - JSON
    """Run a command about dead letters and return what it tells a program."""
    done = cli(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def submission(name: str) -> dict[str, object]:
    """Return a demo request, sent off just now."""
    return {**PERSON, "submission_id": name, "submitted_at": datetime.now(UTC).isoformat(), "form": "demo"}


def presence(rep: str) -> dict[str, object]:
    """Return a presence that lasts."""
    return {"rep_id": rep, "status": "available", "at": datetime.now(UTC).isoformat(), "ttl_seconds": 0}


def keyed(topic: str, told: dict[str, object], key: bytes) -> Outgoing:
    """Return a bare event under a producer's own key."""
    return Outgoing(topic, key, json.dumps(told).encode())


def broken() -> Outgoing:
    """Return what no fix mends."""
    return Outgoing("form-submissions", None, b"{", {"x-from": b"a form"})


def types(seen: Sequence[Received]) -> list[str]:
    """Return the types of records, each id once, by sequence."""
    kept = {record.headers["ce_id"]: record for record in seen}
    return [one.headers["ce_type"].decode() for one in sorted(kept.values(), key=lambda one: data(one)["sequence"])]


def types_of_code(seen: Sequence[Received], code: str) -> int:
    """Return how many dead letters there are of *code*."""
    return len({record.headers["ce_id"] for record in seen if data(record)["code"] == code})
