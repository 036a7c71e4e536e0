"""The page on channels: its configuration checks, its addresses are ones that Apprise knows, its log lines are real."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from apprise.plugins import N_MGR

from router.policy.load import load_policy
from tests.docs.documents import ROOT
from tests.unit.policy_text import MINIMAL, write

PAGE = (ROOT / "docs" / "channels.md").read_text(encoding="utf-8")
ADDRESSES = re.findall(r"^\| .+ \| `([a-z]+://[^`]+)` \|$", PAGE, re.MULTILINE)
LINES = re.findall(r"`((?:channel|notification|notify)\.[a-z]+)`", PAGE)
SOURCES = "".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "router" / "entrypoints" / "notifier").glob("*.py")
)


def test_the_configuration_checks(tmp_path: Path) -> None:
    """Who copies it has no error, and no warning."""
    [block] = re.findall(r"```yml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    loaded = load_policy(write(tmp_path, MINIMAL + block))

    assert loaded.warnings == ()
    assert loaded.notify.channels.keys() == yaml.safe_load(block)["notify"]["channels"].keys()


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_has_a_service(address: str) -> None:
    """Each schema of the table is one that Apprise sends through."""
    assert address.partition("://")[0] in N_MGR


def test_there_are_addresses_and_log_lines() -> None:
    """The patterns find what the page shows."""
    assert len(ADDRESSES) >= 5
    assert len(LINES) >= 7


@pytest.mark.parametrize("line", sorted(set(LINES)))
def test_a_log_line_is_one_that_the_notifier_writes(line: str) -> None:
    """Who alarms on it hears something."""
    assert f'"{line}"' in SOURCES
