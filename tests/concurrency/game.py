"""Eight players on one Valkey: starts them, stops the clock between the two halves, and keeps what is to be judged."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from router.adapters.redis.functions import library
from router.adapters.redis.items import arguments
from router.domain.ledger.verbs import Verb
from tests.concurrency.history import Told
from tests.concurrency.player import Orders, brief, digest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Kept:
    """What Valkey keeps of the state at one moment in which nobody plays; *last* is the outbox's last entry."""

    last: str
    sequence: int
    held: Mapping[str, set[str]]
    loads: Mapping[str, int]
    waiting: set[str]
    timers: int


def begin(client: redis.Redis, orders: Orders) -> Told:
    """Begin a ledger, put the first policy in force and make the audiences known."""
    prefix = f"{{{orders.workspace}}}:"
    name, source = library()
    client.function_load(source, replace=True)
    client.set(prefix + "epoch", "game")
    marker = orders.deck.templates["paper", "en", "north"].deal("s-0", "N-0", 1, 0, 0)
    verbs: Sequence[Verb] = [orders.deck.installs[0], marker, *orders.deck.audiences]
    items = [argument for verb in verbs for argument in arguments(verb)]
    rows: Any = client.fcall(name, 1, prefix, "", "game", "", "0", *items)
    answers = [(code.decode(), entry.decode(), digest(facts) if entry else "", "") for code, facts, entry, _ in rows]
    return Told([brief(verb) for verb in verbs], answers)


def play(client: redis.Redis, orders: Orders) -> tuple[Kept, Kept]:
    """Let the players play and end; return what was kept between the two and afterwards."""
    with ExitStack() as stack:
        players = [stack.enter_context(_started(number, orders)) for number in range(orders.players)]
        for player in players:
            stack.callback(player.kill)
        for player in players:
            _hears(player, b"played\n")
        between = kept(client, orders)
        for player in players:
            _says(player, b"end\n")
        codes = [player.wait(60) for player in players]
    if any(codes):
        message = f"players ended with {codes}"
        raise RuntimeError(message)
    return between, kept(client, orders)


def _started(number: int, orders: Orders) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.concurrency.player", str(number)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    player = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment)
    _says(player, pickle.dumps(orders))
    return player


def _says(player: subprocess.Popen[bytes], line: bytes) -> None:
    assert player.stdin is not None
    player.stdin.write(line)
    player.stdin.flush()


def _hears(player: subprocess.Popen[bytes], line: bytes) -> None:
    assert player.stdout is not None
    heard = player.stdout.readline()
    assert heard == line, f"player {player.args!r} said {heard!r}"


def kept(client: redis.Redis, orders: Orders) -> Kept:
    """Read what the ledger keeps."""
    prefix = f"{{{orders.workspace}}}:"
    reps = [member.decode() for member in client.smembers(prefix + "reps")]  # type: ignore[union-attr]  # the client is no asynchronous one
    pipe = client.pipeline(transaction=True)
    for rep in reps:
        pipe.zrange(f"{prefix}theirs:{rep}", 0, -1)
        pipe.hget(f"{prefix}rep:{rep}", "load")
    pipe.zrange(prefix + "waiting", 0, -1)
    pipe.get(prefix + "seq")
    pipe.zcard(prefix + "timers")
    pipe.xrevrange(prefix + "out", count=1)
    rows = pipe.execute()
    waiting, sequence, timers, last = rows[-4:]
    return Kept(
        last[0][0].decode(),
        int(sequence),
        {rep: {lead.decode() for lead in rows[2 * index]} for index, rep in enumerate(reps)},
        {rep: int(rows[2 * index + 1]) for index, rep in enumerate(reps)},
        {lead.decode() for lead in waiting},
        timers,
    )
