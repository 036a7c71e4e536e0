"""What `router audit` says of a run: the same promises, judged by another process from what stands on the topics."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from tests.chaos.scene import Scene

ANSWERS_WITHIN = 90.0  # seconds


@dataclass(frozen=True, slots=True)
class Opinion:
    """How often it finds each promise broken, and where."""

    found: Mapping[int, int]
    violations: tuple[str, ...]


async def second_opinion(scene: Scene, grace: float) -> Opinion:
    """Run the command in the scene, everything being over; nothing where this version has none."""
    if find_spec("router.entrypoints.audit") is None:
        return Opinion({}, ())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "router.cli", "audit", "--strict", "--grace", f"{grace:.0f}s", "--json"),
        env={**environment, **scene.site.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), ANSWERS_WITHIN)
    try:
        report = json.loads(out)
    except json.JSONDecodeError:
        told = f"{out.decode()[:1000]} {err.decode()[-1000:]}"
        raise RuntimeError(f"router audit ended with {process.returncode}: {told}") from None
    return Opinion(
        {int(promise): count for promise, count in report["found"].items()},
        tuple(
            f"router audit: promise {each['promise']}: {each['subject']}: {each['problem']}"
            for each in report["violations"]
        ),
    )
