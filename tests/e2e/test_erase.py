"""`router erase` as an operator runs it, while everything runs: what can be read afterwards says nothing of them."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.bootstrap import operating
from router.cli import run
from router.ports import Outgoing
from router.settings import load_settings
from tests.e2e.command import BAD_INPUT, Ended, expect_failure, router
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import bare
from tests.e2e.site import Site, on_servers, site_in
from tests.e2e.topics import data, read, send, wait_for
from tests.notifier.receivers import free_port
from tests.unit.pipeline_floor import SIMPLE
from tests.unit.policy_text import change, write

EMAIL, PHONE = "markermail@acme.example", "+4755501234"
PERSON = {
    "email": EMAIL, "phone": PHONE, "first_name": "Markerfirst", "last_name": "Markerlast", "company": "Acme",
    "message": "Markermessage", "job_title": "Director", "employees": 120, "language": "en",
}  # fmt: skip
OTHER = {
    **PERSON,
    "email": "dimarkermail@acme.example",
    "phone": None,
    "first_name": "Kept",
    "last_name": None,
    "message": "Stays",
}
MARKERS = (b"markermail@acme", b"55501234", b"markerfirst", b"markerlast", b"markermessage")
KEPT = b"dimarkermail@acme"
PERSONAL = {"form-submissions", "lead-activities", "rep-actions", "lead-outcomes", "rep-notifications", "dead-letters"}

Cli = Callable[..., Ended]


def policy() -> str:
    """Return a policy whose one channel is a webhook that nobody listens at, so that messages wait for it."""
    hook = f"http://127.0.0.1:{free_port()}/hook"
    rules = "{kinds: [assigned], to: [crm]}, {events: [lead-assignments], to: [crm]}"
    notify = f"notify:\n  channels: {{crm: {{webhook: '{hook}'}}}}\n  rules: [{rules}]\n"
    return change("calendar: office, ", "", SIMPLE) + notify


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def site(request: pytest.FixtureRequest, tmp_path: Path, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A deployment on each log."""
    site = site_in(tmp_path, monkeypatch, prefix, write(tmp_path / "config", policy()))
    if request.param == "kafka":
        on_servers(site, monkeypatch, request.getfixturevalue("kafka"), request.getfixturevalue("valkey"))
    return site


@pytest.fixture
def running(site: Site) -> Iterator[WorkerProcess]:
    """Everything in one process."""
    running = site.start_worker("up")
    yield running
    running.stop()


@pytest.fixture
def cli(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs the command in this process, which has the site's settings."""
    assert site.environment

    def run_it(*words: str, command: tuple[str, ...] = ("erase",), typed: str = "") -> Ended:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = run([*command, *words])
        return Ended(code, *capsys.readouterr())

    return run_it


def now(ago: float = 0) -> str:
    """Return the instant *ago* seconds before this one."""
    return (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()


def form(name: str, person: dict[str, Any] = PERSON, ago: float = 0) -> Outgoing:
    """Return a demo request."""
    return bare("form-submissions", {**person, "submission_id": name, "submitted_at": now(ago), "form": "demo"})


def live_through_it() -> str:
    """Leave traces of both people everywhere, and return the lead of the one who is to be erased."""
    send(
        [
            bare("rep-presence", {"rep_id": rep, "status": "available", "at": now(), "ttl_seconds": 0})
            for rep in ("ana", "ben")
        ]
    )
    activity = {"activity_id": "act-1", "at": now(), "kind": "page_view", "email": EMAIL}
    broken = Outgoing("form-submissions", None, json.dumps({**PERSON, "submission_id": 7}).encode())
    unreadable = Outgoing("form-submissions", None, b'{"email": "%s", "name": "Markerfirst' % EMAIL.encode())
    send([bare("lead-activities", activity), broken, unreadable, form("web-1"), form("web-2", OTHER)])
    wait_for(
        "rep-notifications",
        lambda seen: {data(one)["lead"]["name"] for one in seen} >= {"Kept", "Markerfirst Markerlast"},
    )
    wait_for("dead-letters", lambda seen: len(seen) == 2)
    decisions = wait_for("lead-decisions", lambda seen: len(seen) == 2)
    lead: str = next(data(one)["lead_id"] for one in decisions if data(one)["submission_id"] == "web-1")
    told = {
        "action_id": "a1",
        "lead_id": lead,
        "rep_id": "zoe",
        "action": "touch",
        "at": now(),
        "reason": "Markermessage",
    }
    send([bare("rep-actions", told)])
    wait_for("dead-letters", lambda seen: len(seen) == 3)
    return lead


def found(*, log: bool = True) -> dict[str, set[bytes]]:
    """Return which markers stand where: every key of Redis, and every record of the log."""
    there = asyncio.run(_in_redis())
    if log:
        for topic in PERSONAL | {"lead-decisions", "lead-assignments", "sla-events", "rep-presence"}:
            there[topic] = b"".join((one.value or b"") + str(one.headers).encode() for one in read(topic))
    return {name: hits for name, text in there.items() if (hits := _marked(text.lower()))}


def _marked(text: bytes) -> set[bytes]:
    rest = text.replace(KEPT, b"")
    return {word for word in MARKERS if word in rest} | ({KEPT} if KEPT in text else set())


async def _in_redis() -> dict[str, bytes]:
    """Return every key of the workspace with all that it holds, as text."""
    async with operating(load_settings()) as (_, client):
        names = [name async for name in client.scan_iter(match=f"{{{load_settings().workspace}}}:*", count=1000)]
        return {name.decode(): name + await _value(client, name) for name in names}


async def _value(client: Any, name: bytes) -> bytes:  # noqa: ANN401 - redis
    kind = (await client.type(name)).decode()
    read_it = {
        "string": lambda: client.get(name),
        "hash": lambda: client.hgetall(name),
        "set": lambda: client.smembers(name),
        "zset": lambda: client.zrange(name, 0, -1),
        "list": lambda: client.lrange(name, 0, -1),
        "stream": lambda: client.xrange(name),
    }
    return repr(await read_it[kind]()).encode() if kind in read_it else b""  # gone meanwhile


@pytest.mark.usefixtures("running")
def test_nothing_that_can_be_read_says_anything_of_them(site: Site, cli: Cli) -> None:
    """Of the one person everything goes, of the other nothing; the second time there is nothing left to remove."""
    lead = live_through_it()
    workspace, on_kafka = site.environment["ROUTER_WORKSPACE"], "ROUTER_KAFKA" in site.environment
    before = found()
    assert f"{{{workspace}}}:card:{lead}" in before
    assert f"{{{workspace}}}:notify:held" in before
    assert before.keys() >= {"form-submissions", "lead-activities", "rep-actions", "rep-notifications"}
    dry = json.loads(cli(EMAIL, "--dry-run", "--json").out)
    assert found() == before

    told = cli(EMAIL, "--yes", "--json")

    assert (told.code, told.err) == (0, "")
    assert not any(marker in told.out.lower().encode() for marker in MARKERS)
    report = json.loads(told.out)
    assert {**report, "dry_run": True, "append_only_file": None, "still_on_log": 0} == {**dry, "still_on_log": 0}
    assert report["leads"] == [
        {"lead_id": lead, "state": "held", "rep_id": report["leads"][0]["rep_id"], "contact": True, "activities": 1}
    ]
    assert (report["messages"], report["append_only_file"]) == (1, "rewritten")
    topics = {site.environment["ROUTER_TOPIC_PREFIX"] + topic for topic in PERSONAL}
    assert report["still_on_log"].keys() == (topics if on_kafka else set())
    assert {word for hits in found(log=not on_kafka).values() for word in hits} == {KEPT}
    if not on_kafka:
        removed = {"form-submissions": 3, "lead-activities": 1, "rep-actions": 1, "lead-outcomes": 0}
        assert {topic: report["records"][topic] for topic in removed} == removed
        assert (report["records"]["rep-notifications"], report["records"]["dead-letters"]) == (1, 3)

    again = json.loads(cli("-", "--json", typed=EMAIL + "\n").out)
    assert (again["leads"][0]["state"], again["leads"][0]["contact"], again["messages"]) == ("closed", False, 0)
    assert sum(again["records"].values()) == 0
    closed = [data(one) for one in read("lead-assignments") if one.headers["ce_type"] == b"lead.closed.v1"]
    assert [(one["lead_id"], one["reason"]) for one in closed] == [(lead, "erased")]

    if on_kafka:
        replayed = json.loads(cli("--code", "schema", "--json", command=("dead-letters", "replay")).out)
        assert (replayed["replayed"], [one["why"] for one in replayed["left"]]) == ([], ["the person was erased"])
    nothing_older_comes_back(lead, cli)


def nothing_older_comes_back(lead: str, cli: Cli) -> None:
    """Send again what they had sent before, then something new: only that begins anew."""
    send([form("web-3", ago=60), form("web-4", OTHER)])
    decisions = wait_for(
        "lead-decisions", lambda seen: {data(one)["submission_id"] for one in seen} >= {"web-3", "web-4"}
    )
    old = next(data(one) for one in decisions if data(one)["submission_id"] == "web-3")
    assert (old["to"], old["reasons"][-1]) == (
        "none",
        "The person was erased after they had sent this: it goes to nobody.",
    )
    assert {word for hits in found(log=False).values() for word in hits} == {KEPT}
    explained = run(["explain", lead])
    assert explained == 0
    send([form("web-5")])
    decisions = wait_for("lead-decisions", lambda seen: "web-5" in {data(one)["submission_id"] for one in seen})
    assert next(data(one)["to"] for one in decisions if data(one)["submission_id"] == "web-5") == "sales"
    assert json.loads(cli(EMAIL, "--dry-run", "--json").out)["leads"][0]["contact"]


def test_who_is_meant(site: Site, cli: Cli) -> None:
    """No address, no number, or no ledger is bad input, and what was given is not repeated."""
    for words in ((), ("markermail",), ("--phone", "77701234")):
        ended = cli(*words, "--yes")
        expect_failure(ended, BAD_INPUT)
        assert "marker" not in ended.err
        assert "777" not in ended.err
    expect_failure(cli(EMAIL, "--phone", PHONE, "--yes"), BAD_INPUT, site.environment["ROUTER_WORKSPACE"])


def test_another_identity_key_erases_nobody(site: Site) -> None:
    """It would make another lead of the person, and call them unknown."""
    site.start_worker().stop()
    environment = {**site.environment, "ROUTER_IDENTITY_KEY": "0" * 64}

    expect_failure(router("erase", EMAIL, "--yes", environment=environment), BAD_INPUT, "ROUTER_IDENTITY_KEY")
