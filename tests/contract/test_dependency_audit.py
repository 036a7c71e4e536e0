"""The audit of dependencies in CI: a vulnerability fails it, and one that cannot be asked about is not passed over."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".ci" / "audit-dependencies"
GOOD = {"name": "good", "version": "1.0", "vulns": []}
SKIPPED = {"name": "unheard-of", "skip_reason": "Dependency not found"}
BAD = {
    "name": "bad", "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["GHSA-aaaa-bbbb-cccc"], "fix_versions": ["1.1"], "description": ""}],
}  # fmt: skip


def audited(folder: Path, *packages: dict[str, Any], accepted: str = "", strict: bool = False) -> tuple[int, str]:
    """Judge a report; return the exit code and all that was said."""
    report, rows = folder / "report.json", folder / "accepted.toml"
    report.write_text(json.dumps({"dependencies": packages}), encoding="utf-8")
    rows.write_text(accepted, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--report", str(report), "--accepted", str(rows), *["--strict"] * strict]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stdout + done.stderr


def row(until: date, name: str = "GHSA-aaaa-bbbb-cccc") -> str:
    """Return a row of what is accepted."""
    return f'[[advisory]]\nid = "{name}"\npackage = "bad"\nreason = "never called"\nuntil = {until.isoformat()}\n'


def test_a_vulnerability_fails(tmp_path: Path) -> None:
    """It is named with the version that mends it."""
    code, said = audited(tmp_path, GOOD, BAD)

    assert code == 1
    assert "bad 1.0: PYSEC-2026-1 (mended in 1.1)" in said
    assert audited(tmp_path, GOOD)[0] == 0


def test_one_that_is_accepted_passes_until_its_day(tmp_path: Path) -> None:
    """By any of its names; after its day, or when it is found no more, somebody has to look again."""
    today = date.today()  # noqa: DTZ011, TID251 - a day of whoever reviews, not of the router

    assert audited(tmp_path, BAD, accepted=row(today))[0] == 0
    code, said = audited(tmp_path, BAD, accepted=row(today - timedelta(days=1)))
    assert (code, "look at it again" in said) == (1, True)
    code, said = audited(tmp_path, GOOD, accepted=row(today))
    assert (code, "take it out" in said) == (1, True)


@pytest.mark.parametrize("packages", [(SKIPPED,), (GOOD, SKIPPED)])
def test_what_cannot_be_asked_about_is_said_loudly(tmp_path: Path, packages: tuple[dict[str, Any], ...]) -> None:
    """An index without advisories is no reason to stop the work, and none to say that all is well."""
    code, said = audited(tmp_path, *packages)
    assert (code, "NOT AUDITED" in said, "no vulnerability" in said) == (0, True, False)
    assert audited(tmp_path, *packages, strict=True)[0] == 2
    assert audited(tmp_path, BAD, *packages)[0] == 1


def test_what_is_accepted_has_its_reason() -> None:
    """Each row says what, why and until when."""
    rows = tomllib.loads((ROOT / ".ci" / "accepted-advisories.toml").read_text(encoding="utf-8")).get("advisory", [])

    for one in rows:
        assert one.keys() == {"id", "package", "reason", "until"}
        assert len(one["reason"]) > len("no harm")
        assert isinstance(one["until"], date)
