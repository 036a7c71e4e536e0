"""
`python -m tests.benchmarks`: leads a second and delays of one worker, beside what this machine can do at all.

Starts a real Kafka and a real Valkey and takes less than four minutes. Not a test:
nothing here passes or fails by a number.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import orjson
import redis
import uvloop

from tests.benchmarks import claim, gateway, rebuild
from tests.benchmarks.latency import Delays, latencies
from tests.benchmarks.place import LOOKS_EVERY, Servers
from tests.benchmarks.report import Measured
from tests.benchmarks.throughput import Round, one_round
from tests.kafka.server import KafkaServer, NoKafka
from tests.valkey import ValkeyServer

ROUNDS, LEADS, A_SECOND, SECONDS = 3, 20_000, 100, 20
SYNCS = ("always", "everysec")


def main() -> int:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each kind, worker and floor by turns")
    parser.add_argument("--leads", type=int, default=LEADS, help="in a backlog")
    parser.add_argument("--sync", choices=SYNCS, action="append", help="only this appendfsync (may be repeated)")
    parser.add_argument("--no-latency", action="store_true", help="throughput only")
    parser.add_argument("--claim", action="store_true", help="only how the cost of one verb grows with the ledger")
    parser.add_argument("--gateway", action="store_true", help="only the gateway, beside a bare FastAPI handler")
    parser.add_argument("--rebuild", type=int, nargs="?", const=rebuild.EVENTS, help="only how long a rebuild takes")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print the tables of docs/performance.md")
    given = parser.parse_args()
    if given.claim:
        claim.tell(claim.run(), as_json=given.json, as_markdown=given.markdown)
        return 0
    if given.gateway:
        gateway.tell(gateway.run(), as_json=given.json, as_markdown=given.markdown)
        return 0
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics that are being made and leaders to be found
    try:
        if given.rebuild:
            with ExitStack() as stack:
                rebuild.tell(rebuild.run(_servers(stack), given.rebuild), as_json=given.json)
            return 0
        with ExitStack() as stack:
            measured = uvloop.run(_measure(_servers(stack), given))
    except NoKafka as missing:
        print(missing, file=sys.stderr)
        return 1
    if given.json:
        print(orjson.dumps(measured.as_json(), option=orjson.OPT_INDENT_2).decode())
    elif given.markdown:
        print(measured.markdown())
    else:
        measured.show()
    return 0


def _servers(stack: ExitStack) -> Servers:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="router-bench-", ignore_cleanup_errors=True)))
    kafka = KafkaServer(folder / "kafka")
    kafka.start()
    stack.callback(kafka.stop)
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    stack.callback(valkey.stop)
    return Servers(kafka.address, valkey.url, folder)


async def _measure(servers: Servers, given: argparse.Namespace) -> Measured:
    rounds: dict[str, list[Round]] = {}
    for sync in given.sync or SYNCS:
        _say(f"appendfsync {sync}")
        _set_sync(servers, sync)
        rounds[sync] = []
        for number in range(given.rounds):
            await _emptied(servers)
            one = await one_round(servers, given.leads, with_queued=sync == "always")
            rounds[sync].append(one)
            _say(f"  round {number + 1}: assigned {one.assigned:,.0f}/s, floor {one.floor:,.0f}/s", one.queued)
    worker: Delays | None = None
    bare: Delays | None = None
    if not given.no_latency:
        _say(f"latency at {A_SECOND}/s")
        _set_sync(servers, "always")
        await _emptied(servers)
        worker, bare = await latencies(servers, A_SECOND, SECONDS)
    return Measured(given.leads, A_SECOND, dict(rounds), worker, bare)


def _set_sync(servers: Servers, sync: str) -> None:
    with redis.Redis.from_url(servers.redis) as client:
        client.config_set("appendfsync", sync)


async def _emptied(servers: Servers) -> None:
    """Forget the rounds before, so that each begins alike, and let the append-only file shrink to nothing."""
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"]:  # noqa: ASYNC110 - a server sends no news of it
            await asyncio.sleep(LOOKS_EVERY)


def _say(line: str, queued: float | None = None) -> None:
    print(line + (f", queued {queued:,.0f}/s" if queued is not None else ""), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
