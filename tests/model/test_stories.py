"""Every story of `tests/unit/test_ledger_*.py`, told to Valkey as well: the same facts, and the same end."""

from __future__ import annotations

import importlib
from pathlib import Path

MODULES = sorted(path.stem for path in (Path(__file__).parents[1] / "unit").glob("test_ledger_*.py"))

for _module in MODULES:
    for _name, _story in vars(importlib.import_module(f"tests.unit.{_module}")).items():
        if _name.startswith("test_"):
            assert _name not in globals(), f"{_name} stands in two modules; here one would hide the other"
            globals()[_name] = _story
