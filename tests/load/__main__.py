"""
`python -m tests.load day`, `python -m tests.load soak`: load as it comes in life, on a Kafka and a Valkey of its own.

`day` presses a real day of arrivals into minutes, with bursts of ten times as many; `soak` goes on for long and tells
what grows. Exits with 1 where a promise was broken or something did not come to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import sys
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from router.entrypoints.topics import create
from tests.chaos.scene import settings_of
from tests.e2e.scenario import Scenario
from tests.e2e.scenario_companies import DATA
from tests.e2e.site import SECRET
from tests.kafka.server import KafkaServer, NoKafka
from tests.load.curve import Day
from tests.load.report import Figures
from tests.load.run import Place, run
from tests.valkey import ValkeyServer

FIRST_TOUCH = timedelta(seconds=15)
ACCEPT_WITHIN = timedelta(seconds=4)


def main() -> int:
    """Run what is asked for and print its figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    day = kinds.add_parser("day", help="a day of arrivals, pressed into minutes, with bursts")
    day.add_argument("--minutes", type=float, default=3.0)
    day.add_argument("--submissions", type=int, default=6_000)
    day.add_argument("--bursts", type=int, default=3, help="of ten times as many submissions")
    soak = kinds.add_parser("soak", help="the same for long, and what grows meanwhile")
    soak.add_argument("--minutes", type=float, default=20.0)
    soak.add_argument("--rate", type=float, default=30.0, help="submissions a second")
    for kind in (day, soak):
        kind.add_argument("--seed", type=int, default=1)
        kind.add_argument("--markdown", action="store_true", help="print the tables of docs/chaos.md")
    given = parser.parse_args()
    if not DATA.is_dir():
        print(f"the data for checks is not beside the project ({DATA.parent.name}/{DATA.name})", file=sys.stderr)
        return 1
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # topics that are being made and leaders to be found
    over = timedelta(minutes=given.minutes)
    scenario, title = _day(given) if given.kind == "day" else _soak(given)
    try:
        with ExitStack() as stack:
            found = asyncio.run(_measured(title, scenario, over, stack))
    except NoKafka as missing:
        print(missing, file=sys.stderr)
        return 1
    _tell(found, as_markdown=given.markdown)
    return 0 if found.holds else 1


def _made(submissions: int, seed: int) -> Scenario:
    return Scenario.make(submissions, seed=seed, first_touch=FIRST_TOUCH, accept_within=ACCEPT_WITHIN)


def _day(given: argparse.Namespace) -> tuple[Scenario, str]:
    draw = random.Random(given.seed)  # noqa: S311 - the same load each time, not secret
    day = Day.drawn(draw).with_bursts(draw, given.bursts)
    rate = given.submissions / given.minutes / 60
    title = (
        f"A day of arrivals in {given.minutes:g} min, {rate:.0f} submissions a second on average, "
        f"{given.bursts} bursts of ten times as many, seed {given.seed}."
    )
    return day.spread(_made(given.submissions, given.seed)), title


def _soak(given: argparse.Namespace) -> tuple[Scenario, str]:
    title = f"{given.minutes:g} min at {given.rate:g} submissions a second, seed {given.seed}."
    return _made(round(given.minutes * 60 * given.rate), given.seed), title


async def _measured(title: str, scenario: Scenario, over: timedelta, stack: ExitStack) -> Figures:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
    kafka, valkey = KafkaServer(folder / "kafka"), ValkeyServer(folder / "valkey")
    for server in (kafka, valkey):
        stack.callback(server.stop)
        server.start()
    config = scenario.write_policy(folder / "config")
    environment = {
        "ROUTER_CONFIG": str(config),
        "ROUTER_DATA_DIR": str(folder / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": "load-",
        "ROUTER_WORKSPACE": "load",
        "ROUTER_KAFKA": kafka.address,
        "ROUTER_REDIS_URL": valkey.url,
    }
    await create(settings_of(environment))
    return await run(title, scenario, over, Place(environment, folder, config))


def _tell(found: Figures, *, as_markdown: bool) -> None:
    busy = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    conditions = f"Load average of the machine at the end: {busy}."
    if as_markdown:
        print(found.markdown(conditions))
    else:
        console = Console()
        console.print(found.title, conditions)
        for head, rows in (
            (("", "of the run"), found.rows()),
            (("", "first quarter", "last quarter", "a minute"), found.drift()),
        ):
            table = Table(*head)
            for row in rows:
                table.add_row(*row)
            console.print(table)
    for problem in (found.problem, *map(str, found.report.violations[:20])):
        if problem:
            print(problem, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
