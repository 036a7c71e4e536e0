"""`router check` and `router decide` as a user runs them: processes, files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.policy_text import change, write

LEAD = {
    "submission_id": "s-1",
    "submitted_at": "2026-03-02T15:00:00Z",
    "form": "demo",
    "email": "dana@acme.example",
    "job_title": "Director",
    "language": "en",
}
AT = "2026-03-02T15:00:30Z"


def router(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with no settings but *environment*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    return subprocess.run(
        [sys.executable, "-m", "router.cli", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**kept, **environment},
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that was printed, having seen that no traceback was."""
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The small configuration in a folder."""
    return write(tmp_path / "config")


def given(folder: Path, name: str, value: object) -> Path:
    """Write *value* as a JSON file."""
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def decided(config: Path, *options: str | Path, lead: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what `router decide` prints."""
    done = router("decide", "-", "--config", config, "--at", AT, *options, stdin=json.dumps(lead or LEAD))
    assert done.returncode == 0, said(done)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_shipped_configuration_checks() -> None:
    """`router check` exits 0 and says how many cases pass."""
    done = router("check", "config")
    assert done.returncode == 0, said(done)
    assert "cases pass" in done.stdout
    assert done.stderr == ""


def test_check_finds_the_configuration_by_its_setting(config: Path) -> None:
    """Without a folder `ROUTER_CONFIG` names it."""
    done = router("check", ROUTER_CONFIG=str(config))
    assert done.returncode == 0
    assert str(config) in done.stdout


def test_check_tells_every_error_and_exits_1(tmp_path: Path) -> None:
    """Two mistakes are two lines with file, line and suggestion."""
    text = change("{pool: bens}", "{pool: bns}", change("points: 70", "ponits: 70"))
    done = router("check", write(tmp_path / "bad", text))
    assert done.returncode == 1
    assert "did you mean 'points'?" in said(done)
    assert "did you mean 'bens'?" in said(done)
    assert "policy.yaml:8: " in said(done)


def test_check_speaks_json(tmp_path: Path, config: Path) -> None:
    """`--json` gives errors by file and line, and the version of what checks."""
    done = router("check", write(tmp_path / "bad", change("points: 70", "ponits: 70")), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["ok"] is False
    assert {one["line"] for one in report["errors"]} == {8}
    good = json.loads(router("check", config, "--json").stdout)
    assert good["ok"] is True
    assert good["policy_version"]


def test_a_warning_does_not_fail(tmp_path: Path) -> None:
    """A hidden route is told with its line, and the exit code is 0."""
    text = change("routes:\n", "routes:\n  - {name: all, when: 'true', to: nurture}\n")
    done = router("check", write(tmp_path / "hidden", text))
    assert done.returncode == 0
    assert "warning: " in done.stderr
    assert "route 'hot' is never reached" in done.stderr


def test_decide_prints_decision_and_candidates(tmp_path: Path, config: Path) -> None:
    """A dry run gives the decision's data and every rep with a code and a sentence; it says what it assumed."""
    answer = decided(config, "--company", given(tmp_path, "company.json", {"name": "Acme", "employees": 1200}))
    assert answer["decision"]["stage"] == "sql"
    assert answer["decision"]["touch_by"] == "2026-03-02T15:05:00.000Z"
    assert [(one["rep_id"], one["code"]) for one in answer["candidates"]] == [("ana", "eligible"), ("ben", "eligible")]
    assert any("every active rep counts as available" in note for note in answer["notes"])
    assert any("throw-away key" in note for note in answer["notes"])


def test_decide_gives_the_workspaces_lead_id(config: Path) -> None:
    """With the identity key, or the secret that it comes from, the id is the same every time."""
    secret = {"ROUTER_SECRET": "a secret of more than 32 characters, as it must be"}
    runs = [router("decide", "-", "--config", config, "--at", AT, stdin=json.dumps(LEAD), **secret) for _ in range(2)]
    first, second = (json.loads(run.stdout) for run in runs)
    assert first["decision"]["lead_id"] == second["decision"]["lead_id"]
    assert not any("throw-away" in note for note in first["notes"])


def test_decide_takes_an_event_in_its_envelope(config: Path) -> None:
    """A structured CloudEvent is read; one of another type is refused."""
    event = {"specversion": "1.0", "id": "e", "source": "/x", "type": "form.submitted.v1", "data": LEAD}
    assert decided(config, lead=event)["decision"]["submission_id"] == "s-1"
    other = router("decide", "-", "--config", config, stdin=json.dumps({**event, "type": "lead.activity.v1"}))
    assert other.returncode == 1
    assert "form.submitted.v1" in said(other)


def test_presence_decides_who_could_take_it(tmp_path: Path, config: Path) -> None:
    """Status, an expired ttl, load and ownership are taken from the presence file."""
    company = given(tmp_path, "company.json", {"employees": 1200})
    lines: list[dict[str, Any]] = [
        {"rep_id": "ana", "status": "available", "at": AT, "open": 3},
        {"rep_id": "ben", "status": "available", "at": "2026-03-02T14:00:00Z", "ttl_seconds": 90},
    ]
    presence = given(tmp_path, "presence.json", lines)
    answer = decided(config, "--company", company, "--presence", presence)
    assert [(one["rep_id"], one["code"]) for one in answer["candidates"]] == [
        ("ana", "at_capacity"),
        ("ben", "offline"),
    ]
    lines[0] |= {"open": 1, "last_assigned_at": AT}
    lines[1] |= {"ttl_seconds": 0, "open": 0, "owns": ["Dana@ACME.example"]}
    answer = decided(config, "--company", company, "--presence", given(tmp_path, "presence.json", lines))
    assert [one["rep_id"] for one in answer["candidates"] if one["eligible"]] == ["ben", "ana"]


def test_activity_counts_once_and_fades(tmp_path: Path, config: Path) -> None:
    """Repeated ids count once; a half-life halves."""
    again = {"activity_id": "a", "at": AT, "kind": "webinar", "email": "dana@acme.example"}
    old = {**again, "activity_id": "b", "at": "2026-02-16T15:00:30Z"}
    answer = decided(config, "--activity", given(tmp_path, "activity.json", [again, again, old]))
    assert answer["decision"]["engagement"] == {"score": 45.0, "threshold": 50}


def test_a_miss_can_be_played(tmp_path: Path, config: Path) -> None:
    """`known: false` is a company that nobody knows."""
    answer = decided(config, "--company", given(tmp_path, "company.json", {"known": False}))
    assert answer["decision"]["enrichment"]["status"] == "missed"
    assert answer["candidates"] == []


@pytest.mark.parametrize(
    ("stdin", "options", "message"),
    [
        ("{", [], "not valid JSON"),
        ("[]", [], "a submission is one JSON object"),
        ("{}", [], "submission_id"),
        (json.dumps({**LEAD, "email": "dana"}), [], "identifies anybody"),
        (json.dumps(LEAD), ["--at", "yesterday"], "is no time with an offset"),
        (json.dumps(LEAD), ["--at", "2026-03-02T15:00:00"], "is no time with an offset"),
        (json.dumps(LEAD), ["--company", "nowhere.json"], "nowhere.json: cannot be read"),
        (json.dumps(LEAD), ["--presence", "{file}"], "there is no rep 'anna'; did you mean 'ana'?"),
        (json.dumps(LEAD), ["--activity", "{file}"], "activity 1"),
        (json.dumps(LEAD), ["--company", "{file}"], "must be a JSON object"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(
    tmp_path: Path, config: Path, stdin: str, options: list[str], message: str
) -> None:
    """What cannot be used is told with the file or field, and nothing is printed as data."""
    file = given(tmp_path, "file.json", [{"rep_id": "anna", "status": "available", "at": AT}])
    done = router("decide", "-", "--config", config, *(str(file) if o == "{file}" else o for o in options), stdin=stdin)
    assert done.returncode == 1
    assert message in said(done)
    assert done.stdout == ""


def test_a_missing_file_is_bad_input(config: Path) -> None:
    """A submission that is not there exits 1."""
    done = router("decide", "nowhere.json", "--config", config)
    assert done.returncode == 1
    assert "nowhere.json: cannot be read" in said(done)


def test_wrong_usage_is_exit_2() -> None:
    """An unknown command or option exits 2 with a hint."""
    assert router("chekc").returncode == 2
    assert router("check", "--jsn").returncode == 2
    assert "Usage" in said(router("check", "--jsn"))


def test_a_wrong_setting_is_told(config: Path) -> None:
    """A setting that cannot be used exits 1 and never shows its value."""
    done = router("decide", "-", "--config", config, stdin=json.dumps(LEAD), ROUTER_SECRET="too short")
    assert done.returncode == 1
    assert "ROUTER_SECRET" in said(done)
    assert "too short" not in said(done)


def test_help_lists_the_commands_and_shows_examples() -> None:
    """`--help` names each command, and a command's help has examples."""
    done = router("--help")
    assert done.returncode == 0
    assert "check" in done.stdout
    assert "decide" in done.stdout
    assert "router decide lead.json" in router("decide", "--help").stdout
    assert router("--version").stdout.startswith("router")
