"""
The ledger's Lua as one Redis function library.

Function names are global in a server, so they carry the hash of the source:
old and new workers run side by side.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from router.adapters.redis.connection import asking
from router.errors import DependencyDown

PARTS = (
    *("store", "later", "reps", "leads", "choices", "queue", "offers", "advance", "breaches"),
    *("place", "act", "close", "erase", "attend", "tick", "audiences", "install", "resume"),
    *("apply", "restore", "activities", "note"),
)
"""In the order in which they build on each other."""


def library() -> tuple[str, str]:
    """Return the name of the function and the source of the library that holds it."""
    folder = resources.files("router.adapters.redis") / "lua"
    source = "\n".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in PARTS)
    name = "router_" + hashlib.sha256(source.encode()).hexdigest()[:12]
    return name, f"#!lua name={name}\n" + source.replace("FUNCTION_NAME", name)


class Functions:
    """The library on one server, loaded when it is first asked for and is not there."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self.name, self._source = library()

    async def call(self, function: str, prefix: str, *arguments: str | bytes, reads_only: bool = False) -> Any:  # noqa: ANN401 - whatever the function answers
        """
        Call *function* on the workspace of *prefix*.

        Raises `DependencyDown` where Redis does not answer; an error that the function answers goes on as it is.
        """
        for _ in range(2):
            try:
                with asking():
                    verb = "FCALL_RO" if reads_only else "FCALL"
                    return await self._client.execute_command(verb, function, 1, prefix, *arguments)  # type: ignore[no-untyped-call]  # redis types only its wrappers, and those answer for two kinds of client
            except ResponseError as exc:
                if "unction not found" not in str(exc):
                    raise
                with asking():
                    await self._client.execute_command("FUNCTION", "LOAD", "REPLACE", self._source)  # type: ignore[no-untyped-call]  # as above
        message = "Redis does not keep the ledger's functions"
        raise DependencyDown(message)
