"""`router explain` as a user runs it: a lead's way through a real worker, told in a terminal and to a program."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from router.entrypoints.explain import LEAD_ID
from router.ports import Outgoing, Received
from tests.e2e.command import BAD_INPUT, SECRET, UNREACHABLE, USAGE, expect_failure, router
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.topics import data, send, wait_for
from tests.unit.pipeline_floor import SIMPLE
from tests.unit.policy_text import change, write

POLICY = change("calendar: office, ", "", SIMPLE)
PERSON = {
    "email": "markermail@acme.example", "phone": "+4755501234", "first_name": "Markerfirst", "last_name": "Markerlast",
    "message": "Markermessage", "company": "Acme", "job_title": "Director", "employees": 120, "language": "en",
}  # fmt: skip
MARKERS = ("marker", "Marker", "55501234")
CLOSED = "127.0.0.1:1"


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Settings of a worker on each log, also set for this process."""
    environment = {
        "ROUTER_CONFIG": str(write(tmp_path / "config", POLICY)),
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }
    if request.param == "kafka":
        environment["ROUTER_KAFKA"] = request.getfixturevalue("kafka")
        environment["ROUTER_REDIS_URL"] = request.getfixturevalue("valkey")
        assert router("topics", "create", environment=environment).code == 0
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def worker(settings: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that is ready."""
    process = WorkerProcess(settings, tmp_path / "worker.log", command="up")
    process.wait_until_ready()
    yield process
    process.stop()


def now() -> str:
    """Return the present instant as producers write it."""
    return datetime.now(UTC).isoformat()


def form(number: int, which: str) -> Outgoing:
    """Return a submission of one and the same person."""
    known = {**PERSON, "submission_id": f"web-{number}", "submitted_at": now(), "form": which}
    return bare("form-submissions", known)


def act(lead: str, rep: str, action: str) -> None:
    """Let a rep do something, and wait for what the router makes of it."""
    more = {"channel": "call"} if action == "touch" else {}
    told = {"action_id": f"{action}-{rep}", "lead_id": lead, "rep_id": rep, "action": action, "at": now(), **more}
    send([bare("rep-actions", told)])
    past = {"decline": "lead.unassigned.v1", "accept": "lead.accepted.v1", "touch": "lead.touched.v1"}[action]
    wait_for("lead-assignments", lambda seen: past in types(seen))


def types(seen: Any) -> list[str]:  # noqa: ANN401 - records
    """Return the types of records."""
    return [record.headers["ce_type"].decode() for record in seen]


def holder(attempt: int) -> tuple[str, str]:
    """Wait for an assignment and return (lead, rep)."""
    seen = wait_for("lead-assignments", lambda seen: any(_is(record, attempt) for record in seen))
    assigned = next(data(record) for record in seen if _is(record, attempt))
    return assigned["lead_id"], assigned["rep_id"]


def _is(record: Received, attempt: int) -> bool:
    return types([record]) == ["lead.assigned.v1"] and data(record)["attempt"] == attempt


def live_through_it() -> tuple[str, str, str]:
    """Let a person read and then ask, one rep decline and the other call; return lead, first and second rep."""
    send([bare("rep-presence", {"rep_id": rep, "status": "available", "at": now(), "ttl_seconds": 0}) for rep in REPS])
    send([form(1, "ebook")])
    wait_for("lead-decisions", lambda seen: len(seen) > 0)
    send([form(2, "demo")])
    lead, first = holder(1)
    act(lead, first, "decline")
    _, second = holder(2)
    act(lead, second, "accept")
    act(lead, second, "touch")
    wait_for("sla-events", lambda seen: "sla.met.v1" in types(seen))
    return lead, first, second


REPS = ("ana", "ben")


@pytest.mark.usefixtures("worker")
def test_a_leads_story(settings: dict[str, str], tmp_path: Path) -> None:
    """After a decline, an acceptance and a call the story has them all, as text and as JSON, and nobody's address."""
    lead, first, second = live_through_it()
    assert {first, second} == set(REPS)
    given = tmp_path / "lead.json"
    given.write_text(json.dumps({**PERSON, "submission_id": "x", "submitted_at": now(), "form": "demo"}))
    dry_run = json.loads(router("decide", given, environment=settings).out)
    assert dry_run["decision"]["lead_id"] == lead, "router decide gives the id that router explain takes"
    assert LEAD_ID.fullmatch(lead)

    ended = router("explain", lead, environment=settings)
    assert (ended.code, ended.err) == (0, "")
    told = re.sub(r"\s+", " ", ended.out)
    assert f"Lead {lead} Now touched by {second} at" in told
    assert "lead -> nurture" in told
    assert "SQL -> sales opens the lead" in told
    assert "because: Intent high (demo_request), before low (content_download)" in told
    assert f"attempt 1: {first}" in told
    assert f"declined by {first} after" in told
    assert f"not {first}: {first} has had this lead before" in told
    assert f"accepted by {second} after" in told
    assert f"touched by {second}: first contact made (call)" in told
    assert "fast, 5 min, due" in told
    assert f"assigned -> rep {second} (attempt 2)" in told
    assert "Note:" not in told

    ended = router("explain", lead, "--json", environment=settings)
    assert (ended.code, ended.err) == (0, "")
    story = json.loads(ended.out)
    assert (story["now"]["state"], story["now"]["rep_id"], story["now"]["agrees"]) == ("touched", second, True)
    assert [[turn["what"] for turn in one["turns"]] for one in story["attempts"]] == [
        ["declined"], ["accepted", "touched"]
    ]  # fmt: skip
    assert [change["field"] for change in story["decisions"][1]["changed"]] == [
        "stage",
        "route",
        "priority",
        "sla",
        "to",
    ]
    [clock] = story["clocks"]
    assert (clock["state"], clock["turns"][-1]["adds_up"]) == ("met", True)
    assert sum(clock["turns"][-1]["breakdown"].values()) == pytest.approx(clock["turns"][-1]["elapsed_seconds"])
    assert story["notes"] == []
    assert not [marker for marker in MARKERS if marker in ended.out + told]


def test_after_the_worker_has_stopped(settings: dict[str, str], worker: WorkerProcess) -> None:
    """The story needs log and ledger, not a worker that runs."""
    send([bare("rep-presence", {"rep_id": "ana", "status": "available", "at": now(), "ttl_seconds": 0})])
    send([form(1, "demo")])
    lead, rep = holder(1)
    assert worker.stop() == 0

    story = json.loads(router("explain", lead, "--json", environment=settings).out)
    assert (story["now"]["state"], story["now"]["rep_id"]) == ("held", rep)


@pytest.mark.parametrize("lead", ["ld_" + "0" * 32, "markermail@acme.example", "-"])
def test_a_lead_that_nobody_knows(settings: dict[str, str], lead: str) -> None:
    """An unknown lead is bad input, and the message says where ids come from; an address is not said again."""
    ended = router("explain", lead, environment=settings)

    expect_failure(ended, BAD_INPUT, "router decide", settings["ROUTER_WORKSPACE"])
    assert "markermail" not in ended.err


@pytest.mark.parametrize("away", ["ROUTER_KAFKA", "ROUTER_REDIS_URL"])
def test_a_server_that_is_away(tmp_path: Path, valkey: str, away: str) -> None:
    """Without its log or its ledger the command names the server and exits with 3."""
    servers = {"ROUTER_KAFKA": CLOSED, "ROUTER_REDIS_URL": valkey}
    if away == "ROUTER_REDIS_URL":
        servers = {"ROUTER_REDIS_URL": f"redis://{CLOSED}"}
    environment = {"ROUTER_SECRET": SECRET, "ROUTER_DATA_DIR": str(tmp_path / "data"), **servers}

    expect_failure(router("explain", "ld_" + "0" * 32, environment=environment), UNREACHABLE, CLOSED)


def test_wrong_usage() -> None:
    """Without an id the usage is shown; the help has an example."""
    assert router("explain").code == USAGE
    shown = router("explain", "--help")
    assert shown.code == 0
    assert "router explain LEAD_ID --json" in shown.out
