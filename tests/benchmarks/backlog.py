"""
What a worker holds in memory while a large backlog stands in the log, and while Redis hangs meanwhile.

The backlog is written first, then one worker begins. It works for a while; then
Valkey is stopped with SIGSTOP, so that it takes connections and answers nobody,
and lets go again. Nothing is told to the worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice

import orjson
from rich.console import Console
from rich.table import Table

from router.ports import Outgoing
from tests.benchmarks.load import submissions
from tests.benchmarks.machine import machine
from tests.benchmarks.memory import resident
from tests.benchmarks.place import Place, Servers, new_place

LEADS = 1_000_000
WRITTEN_AT_ONCE = 20_000
WORKS, HANGS, WORKS_AGAIN = 30.0, 15.0, 30.0  # seconds
LOOKS_EVERY = 0.25


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of time: seconds, decisions made in it, the worker's largest resident memory in MiB."""

    name: str
    seconds: float
    decided: int
    largest: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was seen. `idle` is the memory of a worker that has just begun to read, `resumed` in seconds."""

    leads: int
    size: int
    idle: float
    stretches: Sequence[Stretch]
    resumed: float

    def show(self, *, as_json: bool, as_markdown: bool) -> None:
        """Print it."""
        if as_json:
            print(orjson.dumps({"machine": machine(), **asdict(self)}, option=orjson.OPT_INDENT_2).decode())
            return
        head = ("with a backlog", "seconds", "leads decided", "largest resident memory, MiB")
        rows = [("as it begins", "", "", f"{self.idle:.0f}")]
        rows += [(one.name, f"{one.seconds:.0f}", f"{one.decided:,}", f"{one.largest:.0f}") for one in self.stretches]
        about = f"{self.leads:,} leads, {self.size / 1e6:,.0f} MB of them; after Redis was back the next decision came"
        about += f" within {self.resumed:.1f} s"
        if as_markdown:
            lines = [head, ("---", "---:", "---:", "---:"), *rows]
            print(f"Measured on {machine()}; {about}.\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
            return
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        console = Console()
        console.print(machine(), about, sep="\n")
        console.print(table)


async def backlog(servers: Servers, leads: int) -> Backlog:
    """Let a worker begin on a backlog of *leads*."""
    place = await new_place(servers)
    size = await _write(place, leads)
    async with place.worker() as worker:
        pid = worker.pid
        idle = resident(pid)
        stretches = [await _stretch("it works", place, pid, WORKS)]
        with stopped(servers.pids["Valkey"]):
            stretches.append(await _stretch("Redis hangs", place, pid, HANGS))
            before = await place.count("lead-decisions")
        back = time.monotonic()
        while await place.count("lead-decisions") <= before:  # noqa: ASYNC110 - a broker sends no news of it
            await asyncio.sleep(LOOKS_EVERY)
        resumed = time.monotonic() - back
        stretches.append(await _stretch("it works again", place, pid, WORKS_AGAIN))
    return Backlog(leads, size, idle, stretches, resumed)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a server still: it keeps its connections and answers nobody."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _write(place: Place, leads: int) -> int:
    """Write the backlog in parts, and return its size in bytes."""
    size, coming = 0, submissions(leads)
    while part := list(islice(coming, WRITTEN_AT_ONCE)):
        await place.write(part)
        size += sum(_size(one) for one in part)
    return size


def _size(one: Outgoing) -> int:
    return len(one.value or b"") + len(one.key or b"")


async def _stretch(name: str, place: Place, pid: int, seconds: float) -> Stretch:
    before, begin, largest = await place.count("lead-decisions"), time.monotonic(), 0.0
    while time.monotonic() - begin < seconds:
        largest = max(largest, resident(pid))
        await asyncio.sleep(LOOKS_EVERY)
    return Stretch(name, time.monotonic() - begin, await place.count("lead-decisions") - before, largest)
