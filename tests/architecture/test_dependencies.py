"""What the router imports is what its package declares: nothing works only because a tool brought it along."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS_OF = {"mode-streaming": "faust-streaming", "pydantic-core": "pydantic", "yarl": "faust-streaming"}
"""Libraries whose types another one, which is declared, hands out as its own."""


def declared() -> set[str]:
    """Return the runtime dependencies that pyproject.toml names, those of optional parts too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["gateway"], *extras["notify"]]
    return {re.split(r"[\[<>=;! ]", line, maxsplit=1)[0] for line in lines}


def imported() -> set[str]:
    """Return the distributions that the modules of the router import."""
    roots: set[str] = set()
    for path in (ROOT / "router").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.split(".")[0])
    owners = packages_distributions()
    foreign = roots - set(sys.stdlib_module_names) - {"router"}
    return {owners.get(root, [root])[0].lower().replace("_", "-") for root in foreign}


def test_every_import_is_declared() -> None:
    """A module imports from the standard library, from the router, or from a declared dependency."""
    assert {PARTS_OF.get(name, name) for name in imported()} <= declared()
