"""
`python -m tests.chaos`: every fault under load, on a Kafka and a Valkey of its own, judged by the audit.

Exits with 1 where a promise was broken, something did not come to its end, or a submission waited for too long.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.judged import Judged, Load, judged
from tests.chaos.scene import processes, proxied
from tests.chaos.table import cells, described, markdown, show
from tests.e2e.scenario_companies import DATA
from tests.kafka.server import KafkaServer, NoKafka
from tests.valkey import ValkeyServer


def main() -> int:
    """Run what is asked for and print the table."""
    load = Load()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next one has the next number")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=[fault.name for fault in FAULTS], help="may be repeated")
    parser.add_argument("--submissions", type=int, default=load.submissions, help="a run")
    parser.add_argument("--seconds", type=float, default=load.over.total_seconds(), help="over which they come")
    parser.add_argument("--away", type=float, default=load.away, help="seconds that a server or network is away")
    parser.add_argument("--keep", type=Path, help="a folder for the logs and the failures; else they are thrown away")
    parser.add_argument("--list", action="store_true", help="print what each row does and end")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print the table of docs/chaos.md")
    given = parser.parse_args()
    faults = [fault for fault in FAULTS if not given.only or fault.name in given.only]
    if given.list:
        print(described(faults))
        return 0
    if not DATA.is_dir():
        print(f"the data for checks is not beside the project ({DATA.name})", file=sys.stderr)
        return 1
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they tell at length of what is done here on purpose
    over = timedelta(seconds=given.seconds)
    load = dataclasses.replace(load, submissions=given.submissions, over=over, away=given.away)
    seeds = range(given.seed, given.seed + given.rounds)
    try:
        with ExitStack() as stack:
            if given.keep:
                given.keep.mkdir(parents=True, exist_ok=True)
                folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=given.keep))
            else:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            rows = [row for seed in seeds for row in _round(faults, seed, load, folder / str(seed))]
    except NoKafka as missing:
        print(missing, file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows]))
    elif given.markdown:
        print(markdown(rows, _conditions(load)))
    else:
        show(rows)
    return 0 if all(row.holds for row in rows) else 1


def _round(faults: Sequence[Fault], seed: int, load: Load, folder: Path) -> Sequence[Judged]:
    """Run every row once, on new servers: with the topics of fifty runs Kafka takes a minute to start again."""
    with processes(folder) as there:
        return asyncio.run(_run(faults, seed, load, folder, there))


async def _run(
    faults: Sequence[Fault], seed: int, load: Load, folder: Path, there: tuple[KafkaServer, ValkeyServer]
) -> Sequence[Judged]:
    rows = []
    async with proxied(*there) as on:
        for fault in faults:
            if missing := fault.missing():
                print(f"{fault.name} {seed} not run: {missing}", file=sys.stderr, flush=True)
                continue
            began = time.monotonic()
            here = folder / fault.name
            here.mkdir()
            try:
                row = await judged(fault, seed, load, here, on)
            except Exception as error:  # noqa: BLE001 - the other rows are to be run all the same
                row = Judged.never_begun(fault, seed, f"{type(error).__name__}: {error}")
            rows.append(row)
            told = " ".join(each or "-" for each in cells(row))
            print(f"{told} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
            if not row.holds:
                print(row.why, file=sys.stderr, flush=True)
    return rows


def _conditions(load: Load) -> str:
    busy = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{load.submissions:,} submissions over {load.over.total_seconds():.0f} s a run; "
        f"load average of the machine at the end {busy}."
    )


if __name__ == "__main__":
    sys.exit(main())
