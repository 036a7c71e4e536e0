"""
`python -m tests.benchmarks`: leads a second and delays of one worker, beside its peers and a bare loop.

Starts a real Kafka and a real Valkey and takes less than eight minutes. Not a test:
nothing here passes or fails by a number.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import orjson
import redis
import uvloop

from tests.benchmarks import backlog, claim, gateway, rebuild, steps
from tests.benchmarks.latency import Delays, latencies
from tests.benchmarks.peers import HOW_TO_INSTALL, PEERS, Peer
from tests.benchmarks.place import LOOKS_EVERY, Servers
from tests.benchmarks.report import Measured
from tests.benchmarks.throughput import Round, one_round
from tests.kafka.server import KafkaServer, NoKafka
from tests.valkey import ValkeyServer

ROUNDS, LEADS, A_SECOND, SECONDS = 3, 20_000, 100, 15
SYNCS = ("always", "everysec")


def main() -> int:
    """Measure what is asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each kind, all by turns")
    parser.add_argument("--leads", type=int, help="in a backlog")
    parser.add_argument("--sync", choices=SYNCS, action="append", help="only this appendfsync (may be repeated)")
    parser.add_argument("--no-latency", action="store_true", help="throughput only")
    parser.add_argument("--no-peers", action="store_true", help="worker and floor only")
    parser.add_argument("--claim", action="store_true", help="only how the cost of one verb grows with the ledger")
    parser.add_argument("--steps", action="store_true", help="only the CPU time of each step of the pipeline")
    parser.add_argument("--gateway", action="store_true", help="only the gateway, beside a bare FastAPI handler")
    parser.add_argument("--backlog", action="store_true", help="only the memory of a worker on a backlog of a million")
    parser.add_argument("--rebuild", type=int, nargs="?", const=rebuild.EVENTS, help="only how long a rebuild takes")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print the tables of docs/performance.md")
    given = parser.parse_args()
    for asked, one in ((given.claim, claim), (given.steps, steps), (given.gateway, gateway)):
        if asked:
            one.tell(one.run(), as_json=given.json, as_markdown=given.markdown)
            return 0
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # topics that are being made and leaders to be found
    try:
        with ExitStack() as stack:
            servers = _servers(stack)
            if given.rebuild:
                rebuild.tell(rebuild.run(servers, given.rebuild), as_json=given.json)
                return 0
            if given.backlog:
                found = uvloop.run(backlog.backlog(servers, given.leads or backlog.LEADS))
                found.show(as_json=given.json, as_markdown=given.markdown)
                return 0
            measured = uvloop.run(_measure(servers, given))
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
    pids = {name: server.pid for name, server in (("Kafka", kafka), ("Valkey", valkey)) if server.pid is not None}
    return Servers(kafka.address, valkey.url, folder, pids)


async def _measure(servers: Servers, given: argparse.Namespace) -> Measured:
    leads = given.leads or LEADS
    peers = _peers() if not given.no_peers else []
    rounds: dict[str, list[Round]] = {}
    syncs = given.sync or SYNCS
    for sync in syncs:
        in_full, beside = sync == syncs[0], peers if sync == syncs[-1] else []
        _say(f"appendfsync {sync}")
        _set_sync(servers, sync)
        rounds[sync] = []
        for number in range(given.rounds):
            await _emptied(servers)
            rounds[sync].append(await one_round(servers, leads, beside, in_full=in_full))
            rates = ", ".join(f"{who} {turn.rate:,.0f}/s" for who, turn in rounds[sync][-1].items())
            _say(f"  round {number + 1}: {rates}")
    delays: Mapping[str, Delays] = {}
    if not given.no_latency:
        _say(f"latency at {A_SECOND}/s")
        _set_sync(servers, "always")
        await _emptied(servers)
        delays = await latencies(servers, A_SECOND, SECONDS, [peer for peer in peers if peer.at_once == 1])
    absent = sorted({peer.name for peer in PEERS if peer not in peers})
    return Measured(leads, A_SECOND, rounds, delays, absent)


def _peers() -> list[Peer]:
    """Return the peers that are installed, and say how to install the others."""
    there = [peer for peer in PEERS if peer.version is not None]
    for name in sorted({peer.name for peer in PEERS if peer not in there}):
        _say(f"{name} is not installed, so it is not measured. To install it: {HOW_TO_INSTALL}")
    return there


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


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
