"""Commands that the documents show: each of them exists, with its options."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from router.cli import app
from tests.docs.documents import ROOT, documents

BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```|((?:^ {4}.+\n)+)", re.DOTALL | re.MULTILINE)
ASSIGNMENT = re.compile(r"""[A-Z][A-Z0-9_]*=(?:"[^"]*"|\S*)(?:\s+|$)""")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def shown() -> list[tuple[str, str]]:
    """Return (document, line) of every line in a block of code that begins with `router` or `make`."""
    found = []
    for document in documents():
        for block in BLOCK.finditer(document.text):
            for line in (block[1] or block[2]).splitlines():
                command = ASSIGNMENT.sub("", line.strip())
                if command.startswith(("router ", "make ")) and "[" not in command:
                    found.append((document.name, command))
    return found


SHOWN = shown()


def test_there_are_examples() -> None:
    """The README's commands are among what is checked here."""
    assert {("README.md", "router worker"), ("README.md", "make demo")} <= {
        (name, re.split(r"\s{2,}", line)[0]) for name, line in SHOWN
    }


@pytest.mark.parametrize(("name", "line"), SHOWN, ids=[f"{name}: {line}"[:60] for name, line in SHOWN])
def test_a_command_that_is_shown_exists(name: str, line: str) -> None:
    """Its name is a command or a target, and its options are those of the command."""
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert set(words[1:]) <= TARGETS, name
        return
    command: Any = get_command(app)
    rest = words[1:]
    while hasattr(command, "commands"):
        assert rest, f"{name}: {line}"
        assert rest[0] in command.commands, f"{name}: {line}"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known, f"{name}: {line}"
