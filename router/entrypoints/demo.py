"""
`router demo`: the shipped example through the real pipeline, on a log and a ledger of its own, then a report.

It runs what `router up` runs, in a temporary folder: settings, data and topics of
the user are neither read nor touched, so it may run beside anything, itself included.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import sys
import time
from contextlib import redirect_stderr
from datetime import UTC, datetime, timedelta
from io import StringIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Literal

import uvloop
from rich.console import Console
from rich.live import Live

from router.bootstrap import Station, station
from router.demo.cast import Cast
from router.demo.lines import line
from router.demo.report import report
from router.demo.report_view import WIDTH, printed, short
from router.demo.script import policy_directory
from router.demo.story import Story, observe
from router.demo.view import SMALLEST, frame
from router.domain.audit.observed import Observed
from router.entrypoints.logs import set_up_logs
from router.entrypoints.worker import prepare, together, work
from router.events import TOPICS
from router.pipeline.runner import until_up
from router.ports import Received
from router.settings import Settings

Style = Literal["live", "plain", "json"]

BROKEN = 70  # EX_SOFTWARE of sysexits.h: a promise was not kept, which is a fault of the router's own
SIGNALLED = 128  # and the signal's number: what shells make of a program that a signal ended

LONGEST_TEMPORARY = 60  # characters; a socket's path has about 100, and the folder's and the server's names need 40
SENDS_EVERY = 0.01  # seconds
DRAWS_EVERY = 0.125
QUIET_FOR = timedelta(milliseconds=700)
"""After the last record, until the run counts as over: what is still on its way has come by then."""

GIVES_UP_AFTER = timedelta(seconds=60)


def now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def style_for(*, plain: bool, as_json: bool) -> Style:
    """Return how to show the run: drawn where there is a terminal that is large enough and wants it."""
    if as_json:
        return "json"
    size = Console().size
    large = size.width >= SMALLEST[0] and size.height >= SMALLEST[1]
    wanted = not plain and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}
    drawable = sys.stdout.isatty() and (sys.stdout.encoding or "").lower().startswith("utf")
    return "live" if wanted and large and drawable else "plain"


def run_demo(style: Style) -> int:
    """Play the example, print the report, and return the exit code: 0 where every promise was kept."""
    gc.enable()
    began = now() - _age_of_this_process()
    warnings = StringIO()
    with redirect_stderr(warnings):  # a log line in the middle of the picture helps nobody
        set_up_logs("json", level=logging.WARNING)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where there is no UTF-8, question marks are better than an error
    with TemporaryDirectory(prefix="router-demo-", dir=_temporary(), ignore_cleanup_errors=True) as folder:
        stage = Stage(_show(style))
        stopped_by = uvloop.run(stage.play(_settings(Path(folder))))
    sys.stderr.write(warnings.getvalue())
    if stopped_by is not None:
        return SIGNALLED + stopped_by
    told = report(stage.records, stage.story.policy, began=began, ended=now(), read_until=stage.read_until)
    if style == "json":
        print(json.dumps(told.as_json()))  # noqa: T201 - what the command is for
    else:
        console = Console(highlight=False)
        console.print(printed(told, policy_directory(), _command()), width=min(console.width, WIDTH))
    return 0 if told.audit.holds else BROKEN


def _temporary() -> str | None:
    """Return where to make the folder: the usual place, unless the path of a socket in it would be too long."""
    return "/tmp" if len(gettempdir()) > LONGEST_TEMPORARY and Path("/tmp").is_dir() else None  # noqa: S108 - made anew in there


def _command() -> str:
    """Return how the user starts the router: `make demo` does not put it on the path."""
    given = Path(sys.argv[0])
    if given.name != "router":
        return "python -m router.cli"
    return "router" if shutil.which("router") else short(given.absolute())


def _settings(folder: Path) -> Settings:
    """Return settings that read nothing: no environment and no `.env` file may lead the demo to real servers."""
    return Settings.model_construct(data_dir=folder, config=policy_directory())


class Stage:
    """One run: the worker, the cast that plays the world around it, and what is seen on the topics."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._last_seen_at = now()
        self.records: list[Observed] = []
        self.read_until = now()
        self.cast: Cast
        self.story: Story

    async def play(self, settings: Settings) -> int | None:
        """Run until everything has come to its end; return the signal that ended it before, or None."""
        signals = _Signals()
        async with station(settings, "demo") as place:
            await prepare(place, allow_volatile=settings.allow_volatile_redis)
            start = now()
            self.cast, self.story = Cast(start), Story(place.in_force.policy, start)
            parts = [work(place), self._send(place), self._watch(place), self._until_over(), self._show.run(self)]
            await together([*parts, signals.wait()])
        return signals.came

    def take(self, record: Received) -> None:
        """Take in one record of the topics, and let the cast react."""
        seen = observe(record)
        self.records.append(seen)
        self._last_seen_at = now()
        if self.story.see(seen):
            self.cast.see(seen)
            self._show.event(seen, self.story)

    async def _send(self, place: Station) -> None:
        while True:
            records = self.cast.due(now())
            if records:
                await until_up(lambda: place.log.publisher.publish(records), "demo")  # noqa: B023 - awaited at once
            await asyncio.sleep(SENDS_EVERY)

    async def _watch(self, place: Station) -> None:
        async for record in place.log.tail.read(list(TOPICS), follow=True):
            self.take(record)

    async def _until_over(self) -> None:
        """Return when all has come to its end, or when that takes too long; then the audit tells what is missing."""
        while now() - self.story.start < GIVES_UP_AFTER:
            self.read_until = now()
            if self.cast.done and self.story.over and self.read_until - self._last_seen_at > QUIET_FOR:
                return
            await asyncio.sleep(0.05)


class Show:
    """How a run is shown while it goes on; this one shows nothing."""

    def event(self, seen: Observed, story: Story) -> None:
        """Show one record that is new."""

    async def run(self, stage: Stage) -> None:  # noqa: ARG002 - there is nothing to show of it
        """Show the run until cancelled."""
        await asyncio.Event().wait()


class Lines(Show):
    """One line an event."""

    def event(self, seen: Observed, story: Story) -> None:
        """Print the line of the record, where it has one."""
        if (told := line(seen, story)) is not None:
            print(told, flush=True)  # noqa: T201 - what the command is for


class Picture(Show):
    """A picture of the whole, drawn anew several times a second."""

    async def run(self, stage: Stage) -> None:
        """Draw until cancelled."""
        console = Console()
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                size = console.size
                live.update(frame(stage.story, now(), size.width, size.height, over=stage.cast.lasts), refresh=True)
                await asyncio.sleep(DRAWS_EVERY)


def _show(style: Style) -> Show:
    return {"live": Picture, "plain": Lines, "json": Show}[style]()


class _Signals:
    """
    Signals that ask the process to end; they are waited for, and cut nothing short.

    So the server that was started for the demo is stopped, and its folder removed, whenever the signal comes.
    """

    def __init__(self) -> None:
        self.came: int | None = None
        self._event = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._note, number)

    def _note(self, number: int) -> None:
        self.came = number
        self._event.set()

    async def wait(self) -> None:
        """Return when one has come."""
        await self._event.wait()


def _age_of_this_process() -> timedelta:
    """Return how long ago the command was started, its interpreter included; zero where the system does not tell."""
    try:
        after_name = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
        started = int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
        return timedelta(seconds=max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started))
    except (OSError, ValueError, IndexError, AttributeError):
        return timedelta()
