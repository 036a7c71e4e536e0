"""A fault of the disk: the one that the embedded Valkey writes to gets full, and has room again."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.chaos.fault import Fault
from tests.chaos.scene import Scene

SIZE = "256m"
PIECE = 64 * 1024
WROTE_SHORT = "AOF write error"
"""What Valkey's log says when a write did not fit."""


def _no_mount() -> str:
    root = sys.platform == "linux" and os.geteuid() == 0
    return "" if root else "a small disk is mounted for it (tmpfs), which takes root on Linux"


async def _on_a_small_disk(scene: Scene) -> Sequence[Mapping[str, str]]:
    """Put the data directory on a disk of its own."""
    where = Path(scene.site.environment["ROUTER_DATA_DIR"])
    await asyncio.to_thread(where.mkdir)
    await asyncio.to_thread(_run, "mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(where))
    scene.cleanup.push_async_callback(asyncio.to_thread, _run, "umount", "--lazy", str(where))
    log = where / "valkey" / "valkey.log"
    scene.cleanup.callback(_keep_log, log, scene.folder)
    scene.doubts.append(
        lambda: "" if WROTE_SHORT in log.read_text(encoding="utf-8", errors="replace") else "Valkey could always write"
    )
    return [{}]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _keep_log(log: Path, folder: Path) -> None:
    if log.exists():
        shutil.copy(log, folder)


def _fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file:
        for size in (PIECE, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


async def _full(scene: Scene) -> None:
    """Fill the disk to the last byte, and again what may be freed meanwhile; then make room."""
    await scene.middle()
    ballast = Path(scene.site.environment["ROUTER_DATA_DIR"]) / "ballast"
    filling = asyncio.create_task(_keep_full(ballast))
    async with scene.outage():
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        await asyncio.to_thread(ballast.unlink)


async def _keep_full(ballast: Path) -> None:
    while True:
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(0.05)


FAULTS: Sequence[Fault] = (
    Fault(
        "disk-full",
        "`router up` on the embedded servers: their disk is full for 5 s.",
        _full,
        _on_a_small_disk,
        embedded=True,
        missing=_no_mount,
    ),
)
