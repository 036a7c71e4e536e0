"""The page on commands: each command has its heading and its options stand there, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from router.cli import app
from tests.docs.documents import ROOT

PAGE = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)}


def commands(command: Any, name: str) -> Iterator[tuple[str, set[str]]]:  # noqa: ANN401 - typer's own copy of click
    """Yield each command below *command* that does something, with its long options."""
    below = getattr(command, "commands", {})
    if not below:
        yield name, {word for one in command.params for word in one.opts if word.startswith("--")}
    for word, one in below.items():
        yield from commands(one, f"{name} {word}")


COMMANDS = dict(commands(get_command(app), "router"))


def test_every_command_is_told_and_no_other() -> None:
    """A heading is a command, and a command has its heading."""
    assert {heading for heading in SECTIONS if heading.startswith("router ")} == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_told_and_no_other(name: str) -> None:
    """A command's options stand in its table, each in a row."""
    rows = re.findall(r"^\| `(--[a-z-]+)[ `]", SECTIONS[name], re.MULTILINE)

    assert set(rows) == COMMANDS[name]
    assert len(rows) == len(set(rows))
