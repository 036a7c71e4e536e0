"""The README's way without make: what it installs is what `router up` needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

from tests.docs.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_PROCESSES = ("gateway", "enrich", "notify")
LOADS = (
    "import sys, router.entrypoints.up, router.adapters.notify.apprise_channel, router.adapters.notify.webhook;"
    "print(*sys.modules)"
)


def distributions(requirements: Iterable[str]) -> set[str]:
    """Return the names of what is required, without versions and extras."""
    return {re.split(r"[^A-Za-z0-9._-]", one)[0].lower().replace("_", "-") for one in requirements}


def test_what_is_installed_runs_router_up() -> None:
    """Each optional package that `router up` and its channels load is in one of the extras that are named."""
    [named] = re.findall(r"`pip install '\.\[([a-z,]+)\]'`", (ROOT / "README.md").read_text(encoding="utf-8"))
    extras = PROJECT["optional-dependencies"]
    installed = distributions(PROJECT["dependencies"]).union(*(distributions(extras[one]) for one in named.split(",")))
    optional = distributions(requirement for one in OF_PROCESSES for requirement in extras[one])

    loaded = subprocess.run([sys.executable, "-c", LOADS], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    owners = packages_distributions()
    used = distributions(owner for module in loaded.split() for owner in owners.get(module, ()))

    assert "apprise" in used
    assert used & optional <= installed
