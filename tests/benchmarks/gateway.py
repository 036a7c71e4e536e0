"""
The gateway at full speed, beside a bare FastAPI handler that does one produce onto the same log.

Each is a process of its own. After every round of the gateway the log is read:
each submission that was answered with 202 stands in it exactly once.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from router.bootstrap import log_of
from router.settings import Settings
from tests.benchmarks.machine import machine
from tests.gateway.caller import Called, call
from tests.gateway.live import SHIPPED, eventually
from tests.valkey import ValkeyServer

SUBMISSIONS, CONNECTIONS, ROUNDS, SINGLE = 10_000, 32, 3, 500
SECRET = "a secret of a benchmark, of more than 32 characters"  # noqa: S105 - of a benchmark
HEAD = ("gateway, embedded log", "gateway", "bare handler", "gateway / bare")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both, as the rounds gave it."""

    name: str
    gateway: Sequence[float]
    bare: Sequence[float]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return median(one / other for one, other in zip(self.gateway, self.bare, strict=True))

    def cells(self) -> tuple[str, ...]:
        """Return the row as text, with the least and the most."""
        return self.name, _spread(self.gateway), _spread(self.bare), f"{self.ratio:.2f}"


def run() -> Sequence[Row]:
    """Measure, on servers of its own; raises where a submission is missing or twice."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="router-bench-")))
        valkey = ValkeyServer(folder / "valkey")  # what is measured against: the same options, a server of its own
        valkey.start()
        stack.callback(valkey.stop)
        gateway = stack.enter_context(_gateway(folder))
        bare = stack.enter_context(_bare(valkey.url))
        rounds = [asyncio.run(_round(gateway, bare, number)) for number in range(ROUNDS)]
    return [
        Row(name, [one[index][0] for one in rounds], [one[index][1] for one in rounds])
        for index, name in enumerate(NAMES)
    ]


NAMES = (
    "submissions a second",
    f"p50, ms, {CONNECTIONS} at once",
    f"p99, ms, {CONNECTIONS} at once",
    "p50, ms, one at a time",
    "p99, ms, one at a time",
)


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    key: str
    settings: Mapping[str, str]


async def _round(gateway: _Server, bare: _Server, number: int) -> Sequence[tuple[float, float]]:
    found = []
    for server in (gateway, bare):
        many = await call(server.url, server.key, SUBMISSIONS, CONNECTIONS, f"many-{number}")
        alone = await call(server.url, server.key, SINGLE, 1, f"alone-{number}")
        if many.refused or alone.refused:
            message = f"refused: {many.refused or alone.refused}"
            raise RuntimeError(message)
        found.append((many, alone))
    await _all_there_once(gateway, [*found[0][0].accepted, *found[0][1].accepted])
    return [(one, other) for one, other in zip(_figures(*found[0]), _figures(*found[1]), strict=True)]


def _figures(many: Called, alone: Called) -> Sequence[float]:
    return many.a_second, many.percentile(50), many.percentile(99), alone.percentile(50), alone.percentile(99)


async def _all_there_once(gateway: _Server, accepted: Sequence[str]) -> None:
    settings = Settings.model_construct(data_dir=Path(gateway.settings["ROUTER_DATA_DIR"]))
    async with log_of(settings) as log:
        records = [one async for one in log.tail.read(["form-submissions"], follow=False)]
    logged = Counter(orjson.loads(record.value or b"{}")["submission_id"] for record in records)
    wrong = [one for one in accepted if logged[one] != 1]
    if wrong or len(set(accepted)) != SUBMISSIONS + SINGLE:
        message = f"{len(wrong)} of {len(accepted)} accepted submissions are not in the log exactly once"
        raise RuntimeError(message)


@contextmanager
def _gateway(folder: Path) -> Iterator[_Server]:
    settings = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")},
        "ROUTER_DATA_DIR": str(folder / "data"),
        "ROUTER_CONFIG": str(SHIPPED),
        "ROUTER_SECRET": SECRET,
        "ROUTER_LISTEN": f"127.0.0.1:{_free_port()}",
        "ROUTER_LOG_FORMAT": "json",
    }
    with _process([sys.executable, "-m", "router.cli", "gateway"], settings):
        url = f"http://{settings['ROUTER_LISTEN']}"
        _wait(url)
        command = [sys.executable, "-m", "router.cli", "keys", "create", "bench", "--scope", "ingest", "--json"]
        made = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
        yield _Server(url, json.loads(made.stdout)["key"], settings)


@contextmanager
def _bare(valkey: str) -> Iterator[_Server]:
    port = _free_port()
    settings = {**os.environ, "BARE_VALKEY": valkey, "BARE_TOPIC": "bare"}
    with _process([sys.executable, "-m", "tests.benchmarks.bare", str(port)], settings):
        _wait(f"http://127.0.0.1:{port}")
        yield _Server(f"http://127.0.0.1:{port}", "-", settings)


@contextmanager
def _process(command: Sequence[str], settings: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")

    async def there() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return False
        writer.close()
        return True

    asyncio.run(eventually(there))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})"


def tell(rows: Sequence[Row], *, as_json: bool, as_markdown: bool) -> None:
    """Print *rows* in the form that is asked for."""
    if as_json:
        told = [
            {"name": one.name, "gateway": list(one.gateway), "bare": list(one.bare), "ratio": one.ratio} for one in rows
        ]
        print(orjson.dumps({"machine": machine(), "rows": told}, option=orjson.OPT_INDENT_2).decode())
        return
    lines = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *(one.cells() for one in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    print(f"Measured on {machine()}; {SUBMISSIONS:,} submissions a round.\n\n{table}" if as_markdown else table)
