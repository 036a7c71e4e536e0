"""The cost of a verb does not grow with reps, waiting leads or timers. Small, so that it runs with every change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.benchmarks.claim import Growth, Row, claims, measure, queues
from tests.benchmarks.claim_world import Size

MOST = 3.0
"""Times as long in a ledger a hundred times as large; what grows in step takes far longer. The goal itself is 2."""


@pytest.fixture
def client(valkey: str) -> Iterator[redis.Redis]:
    """Give a client of the shared Valkey; each comparison drops its ledgers."""
    with redis.Redis.from_url(valkey) as client:
        yield client


GROWTHS = {
    "reps": (Size(reps=20), Size(reps=8_000), claims),
    "reps, with match": (Size(reps=40, audiences=10), Size(reps=8_000, audiences=10), claims),
    "waiting": (Size(capacity=1, waiting=30), Size(capacity=1, waiting=3_000), queues),
    "waiting, with match": (
        Size(capacity=1, waiting=30, audiences=10, widens=True),
        Size(capacity=1, waiting=3_000, audiences=10, widens=True),
        queues,
    ),
    "timers": (Size(timers=200), Size(timers=20_000), claims),
    "audiences": (Size(reps=100, audiences=4), Size(reps=100, audiences=100), claims),
    "audiences that widen to all": (
        Size(reps=100, capacity=1, waiting=200, audiences=4, widens=True),
        Size(reps=100, capacity=1, waiting=200, audiences=100, widens=True),
        queues,
    ),
}


@pytest.mark.parametrize("what", GROWTHS)
def test_a_verb_costs_the_same_in_a_large_ledger(client: redis.Redis, what: str) -> None:
    """By the server's own time, and by how many commands the function runs in a call."""
    small, large, turn = GROWTHS[what]
    rows = measure(client, Growth("", small, large, turn, "reps"), samples=40)

    assert {row.verb: _found(row) for row in rows if row.ratio > MOST or _commands(row) > MOST} == {}


def _commands(row: Row) -> float:
    return row.commands[1] / row.commands[0]


def _found(row: Row) -> str:
    return f"{row.micros[0]:,.0f} -> {row.micros[1]:,.0f} us, {row.commands[0]:,.0f} -> {row.commands[1]:,.0f} commands"
