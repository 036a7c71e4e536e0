"""The bare job that all programs do beside the worker: parse, one Lua claim, two records."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import redis

READY: Final = "bench.ready"
REPS: Final = 30

CLAIM: Final = """\
-- Give one lead the rep who has the fewest. KEYS: owners (hash), load (zset). ARGV: lead. Returns the rep.
local held = redis.call("HGET", KEYS[1], ARGV[1])
if held then return held end
local rep = redis.call("ZRANGE", KEYS[2], 0, 0)[1]
redis.call("ZINCRBY", KEYS[2], 1, rep)
redis.call("HSET", KEYS[1], ARGV[1], rep)
return rep
"""


@dataclass(frozen=True, slots=True)
class Job:
    """Where to do it. Topics start with *prefix*; keys and the group with the *name* of the program, too."""

    kafka: str
    redis: str
    prefix: str
    name: str
    at_once: int
    how: str

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of the claim."""
        return owners(self.prefix, self.name), f"{{{self.prefix}{self.name}}}load"

    @property
    def group(self) -> str:
        """The consumer group."""
        return f"{self.prefix}{self.name}"

    @property
    def source(self) -> str:
        """The topic to read."""
        return f"{self.prefix}form-submissions"

    @property
    def results(self) -> tuple[str, str]:
        """The topics to write; the assignment is the last."""
        return f"{self.prefix}floor-decisions", f"{self.prefix}floor-assignments"

    def prepare(self) -> str:
        """Seat the reps, load the script, and return its hash."""
        with redis.Redis.from_url(self.redis) as client:
            client.zadd(self.keys[1], {f"rep-{number:02}": 0 for number in range(REPS)})
            return str(client.script_load(CLAIM))


def owners(prefix: str, name: str) -> str:
    """Return the key under which a program keeps who holds which lead."""
    return f"{{{prefix}{name}}}owners"


def given(arguments: Sequence[str] | None = None) -> Job:
    """Read the command line of a program."""
    parser = argparse.ArgumentParser()
    for name in ("--kafka", "--redis", "--prefix", "--name"):
        parser.add_argument(name, required=True)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--how", choices=["drain", "answer"], default="drain")
    return Job(**vars(parser.parse_args(arguments)))


def result(event: Mapping[str, Any], rep: bytes) -> dict[str, Any]:
    """Return what is sent."""
    return {"submission_id": event["submission_id"], "rep_id": rep.decode(), "at": time.time()}


def packed(event: Mapping[str, Any], rep: bytes) -> tuple[bytes, bytes]:
    """Return the key and the value of what is sent, for who sends bytes."""
    return str(event["submission_id"]).encode(), orjson.dumps(result(event, rep))
