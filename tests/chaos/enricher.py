"""A fault of the enrichment: a source over HTTP that takes connections and never answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from tests.chaos.fault import AFTER_A_DEATH, Fault, nothing
from tests.chaos.scene import Scene


def _not_asked() -> str:
    there = find_spec("router.adapters.enrichment.http") is not None
    return "" if there else "enrichment over HTTP is checked and not asked in this version"


async def _asks_the_silent(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Let the policy name a source that hangs, beside its dataset."""
    asked: list[bytes] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            asked.append(line)
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    scene.cleanup.callback(server.close)
    scene.doubts.append(lambda: "" if asked else "the source was never asked")
    port = server.sockets[0].getsockname()[1]
    file = Path(scene.site.environment["ROUTER_CONFIG"]) / "enrichment.yaml"
    known = yaml.safe_load(file.read_text(encoding="utf-8"))
    source = {"url": f"http://127.0.0.1:{port}/companies/{{domain}}", "map": {"employees": "metrics.employees"}}
    known["enrichment"]["http"] = source
    file.write_text(yaml.safe_dump(known), encoding="utf-8")
    return [{}, {}]


FAULTS: Sequence[Fault] = (
    Fault(
        "enricher-hangs",
        "A source of company data over HTTP takes connections and never answers.",
        nothing,
        _asks_the_silent,
        AFTER_A_DEATH,
        missing=_not_asked,
    ),
)
