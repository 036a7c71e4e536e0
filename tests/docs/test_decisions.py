"""The records of decisions: numbered without gaps, alike in form, and complete about libraries."""

import re
import tomllib

from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("*.md"))


def test_records_are_numbered_without_gaps() -> None:
    """The file's number and its title's are one, and the next in line."""
    for number, path in enumerate(RECORDS, start=1):
        assert path.name.startswith(f"{number:04}-")
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. ")


def test_every_library_has_its_reason() -> None:
    """What the wheel depends on is what 0004 gives reasons for, no more and no less."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["gateway"], *extras["notify"]]
    needed = {re.split(r"[\[<>=;! ]", line, maxsplit=1)[0] for line in lines}
    record = (FOLDER / "0004-libraries.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| ([a-z][a-z0-9.-]+) \|", record, re.MULTILINE)) - {"library"}

    assert explained == needed
