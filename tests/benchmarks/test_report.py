"""What the benchmarks print: every program in its row, every goal as a ratio, and what is not installed by name."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.benchmarks import peers
from tests.benchmarks.latency import BARE, Delays
from tests.benchmarks.peers import Peer
from tests.benchmarks.report import Measured
from tests.benchmarks.throughput import FLOOR, QUEUED, TWO, WORKER, Round, Turn


def a_round(speed: float) -> Round:
    """Return a round in which the worker made so many leads a second."""
    cpu = {"itself": 100.0, "Kafka": 20.0, "Valkey": 30.0}
    rates = {WORKER: speed, FLOOR: 10_000.0, QUEUED: speed / 2, TWO: speed * 1.8, "Peer 1.0, one by one": 500.0}
    return {who: Turn(rate, cpu) for who, rate in rates.items()}


MEASURED = Measured(
    leads=20_000,
    a_second=100,
    rounds={"always": [a_round(4_000.0), a_round(5_000.0), a_round(4_500.0)]},
    delays={WORKER: Delays(5.0, 20.0, 30.0), BARE: Delays(4.0, 10.0, 60.0)},
    absent=["quixstreams"],
)


def test_every_program_has_its_row_and_every_goal_its_ratio() -> None:
    """The table that goes into the docs: medians with the least and the most, ratios within a round."""
    told = MEASURED.markdown()
    for row in (
        "| worker | 4,500 (4,000 to 5,000) | 100 (100 to 100) | 20 (20 to 20) | 30 (30 to 30) |",
        "| worker / floor, appendfsync always | 0.45 (0.40 to 0.50) |",
        "| two workers / worker, appendfsync always | 1.80 (1.80 to 1.80) |",
        "| worker / Peer 1.0, one by one, appendfsync always | 9.00 (8.00 to 10.00) |",
        "| worker / bare loop | 1.25 | 2.00 | 0.50 |",
    ):
        assert row in told
    assert "Not installed, so not measured: quixstreams." in told


def test_programs_can_read_it() -> None:
    """The same as JSON, with the medians of the ratios by name."""
    assert orjson.loads(orjson.dumps(MEASURED.as_json()))["ratios"]["worker / floor, always"] == pytest.approx(0.45)


def test_a_system_that_does_not_tell_cpu_time_is_no_reason_to_fail() -> None:
    """The cells say so."""
    turns = {WORKER: Turn(4_000.0, {}), FLOOR: Turn(8_000.0, {})}
    told = Measured(1, 100, {"always": [turns]}, {}, []).markdown()
    assert "| worker | 4,000 (4,000 to 4,000) | not known | not known | not known |" in told


def test_a_peer_that_is_not_there_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is left out; one that is there says which it is."""
    monkeypatch.setattr(peers, "OWN_PYTHON", Path("no such interpreter"))
    assert Peer("Nobody", "by_nobody", "no-such-package-here").version is None
    assert Peer("Faust", "by_faust", "faust-streaming", 16).title.endswith(", 16 at once")
