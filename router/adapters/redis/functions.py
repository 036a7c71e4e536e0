"""
The ledger's Lua as one Redis function library.

Function names are global in a server, so they carry the hash of the source:
old and new workers run side by side.
"""

from __future__ import annotations

import hashlib
from importlib import resources

PARTS = (
    "store", "reps", "leads", "offers", "advance", "place", "act", "close", "attend", "tick", "install", "apply", "activities",
)  # fmt: skip
"""In the order in which they build on each other."""


def library() -> tuple[str, str]:
    """Return the name of the function and the source of the library that holds it."""
    folder = resources.files("router.adapters.redis") / "lua"
    source = "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)
    name = "router_" + hashlib.sha256(source.encode()).hexdigest()[:12]
    return name, f"#!lua name={name}\n" + source.replace("FUNCTION_NAME", name)
