"""What comes in by one door and must not go out by another: addresses to call, words for a terminal, code."""

from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest

from router.entrypoints.dead_letters import Kept
from router.entrypoints.dead_letters_view import show
from router.events.envelope import dead_letter
from router.pipeline.letters import letter_of
from router.ports import Outgoing, Received
from tests.fakes import MONDAY
from tests.unit.pipeline_floor import SIMPLE, Floor
from tests.unit.policy_text import load

ROUTER = Path(__file__).resolve().parents[2] / "router"

COMPILE = {"domain/expressions.py", "domain/routing.py", "policy/reading.py"}
"""What turns text into an expression: the language, a `match` of a policy that is in force, the reader of policies."""


def parsed(path: Path) -> ast.Module:
    """Return the tree of a module; Python 3.11 miscounts where what other tests left is collected meanwhile."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        if was_on:
            gc.enable()


@pytest.mark.parametrize("name", ["topic\x1b[2J", "\x1b]0;title\x07"])
def test_a_dead_letter_obeys_nobody_in_a_terminal(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Whoever may write to a topic may write what a terminal would obey; it is shown as a sign."""
    record = Received("rep-actions", 0, 1, None, b'{"reason": "\x1b[2J"}', {}, MONDAY)
    told = dead_letter(record, "schema", f"no {name}", MONDAY, "default", name)
    letter = letter_of(_received(told), "default")
    assert letter is not None
    show([Kept(letter, None)], value=True)

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\ufffd" in shown


async def test_what_a_form_says_is_never_an_expression(tmp_path: Path) -> None:
    """CEL in a field is text: it decides nothing, and stands in the card as it was written."""
    floor = await Floor(load(tmp_path, SIMPLE).policy, "ana").open()
    words = "true || fit.icp == true || lead.email.matches('.*')"
    await floor.send(
        "form-submissions", floor.submission(1, employees=1, job_title=words, industry=words, message=words)
    )

    [decision] = floor.decisions()
    assert (decision["stage"], decision["to"]) == ("lead", "nurture")


def test_expressions_are_compiled_from_the_configuration_alone() -> None:
    """Only the wrapper of the language imports it, and nothing that sees an event compiles anything."""
    sources = {path.relative_to(ROUTER).as_posix(): path for path in ROUTER.rglob("*.py")}
    importers = {name for name, path in sources.items() if _imports(path) & {"cel", "celpy"}}
    compilers = {name for name, path in sources.items() if "compile_expression" in path.read_text(encoding="utf-8")}

    assert importers == {"domain/expressions.py", "domain/scope.py"}
    assert compilers == COMPILE


def test_nothing_reaches_a_shell_or_an_interpreter() -> None:
    """No eval, no pickle, no shell; one program is started, with fixed words: the embedded server."""
    calls = {
        (path.relative_to(ROUTER).as_posix(), ast.unparse(node.func))
        for path in ROUTER.rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
    }
    forbidden = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.loads", "marshal.loads"}
    started = {path for path, name in calls if name.startswith(("subprocess.", "asyncio.create_subprocess", "os.exec"))}

    assert {call for call in calls if call[1] in forbidden} == set()
    assert started == {"adapters/embedded/valkey.py"}
    assert not [path for path in ROUTER.rglob("*.py") if "shell=True" in path.read_text(encoding="utf-8")]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _received(record: Outgoing) -> Received:
    return Received(record.topic, 0, 1, record.key, record.value, record.headers, MONDAY)
