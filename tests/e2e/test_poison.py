"""A bad record among good ones: one dead letter each, nobody else held up, and no more of them after a restart."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

import pytest

from router.entrypoints.topics import create
from router.ports import Outgoing, Received
from router.settings import load_settings
from tests.e2e.processes import WorkerProcess
from tests.e2e.scenario import Poison, Scenario, bare
from tests.e2e.scenario_companies import DATA
from tests.e2e.topics import at_least, data, read, send, wait_for

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data for checks is not beside the project")

GOOD = 120
SINCE = timedelta(seconds=30)

StartWorker = Callable[[], WorkerProcess]


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Good submissions, and one bad record of each kind."""
    return Scenario.make(GOOD)


@pytest.fixture
def environment(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> Iterator[dict[str, str]]:
    """The settings of a deployment on the embedded log, also set for this process."""
    settings = {
        "ROUTER_CONFIG": str(scenario.write_policy(tmp_path / "config")),
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": "a secret of at least thirty-two characters",
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
    }
    with monkeypatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        yield settings


@pytest.fixture
def start_worker(environment: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker and returns when it consumes; it is stopped after the test."""
    with ExitStack() as stack:

        def start() -> WorkerProcess:
            worker = WorkerProcess(environment, tmp_path / f"worker-{datetime.now(UTC).timestamp()}.log")
            stack.callback(worker.stop)
            worker.wait_until_ready()
            return worker

        yield start


def test_poison_on_the_embedded_log(scenario: Scenario, start_worker: StartWorker) -> None:
    """On the embedded log each bad record is one dead letter, and every good one is decided."""
    expect_poison_to_harm_nobody(scenario, start_worker)


@pytest.mark.kafka
def test_poison_on_kafka(
    scenario: Scenario,
    start_worker: StartWorker,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    kafka: str,
    valkey: str,
) -> None:
    """On Kafka each bad record is one dead letter, and every good one is decided."""
    for name, value in {"ROUTER_KAFKA": kafka, "ROUTER_REDIS_URL": valkey}.items():
        environment[name] = value
        monkeypatch.setenv(name, value)
    asyncio.run(create(load_settings()))
    expect_poison_to_harm_nobody(scenario, start_worker)


def expect_poison_to_harm_nobody(scenario: Scenario, start_worker: StartWorker) -> None:
    """Send good and bad records in turn, judge what comes of them, and judge again after a restart."""
    start = datetime.now(UTC) - SINCE
    good = [timed.record for timed in scenario.submissions(start, SINCE)]
    worker = start_worker()
    send([timed.record for timed in scenario.presence(start, SINCE)])
    send(good[:5])
    known_lead = data(wait_for("lead-decisions", at_least(1))[0])["lead_id"]
    poison = scenario.poison(start, known_lead)
    send(list(interleaved(good[5:], [bad.record for bad in poison])))

    wait_for("lead-decisions", at_least(GOOD))
    letters = wait_for("dead-letters", at_least(len(poison)))
    expect_one_letter_each(letters, poison)
    assert decided() == scenario.submission_ids

    assert worker.stop() == 0
    start_worker()
    later = {"submission_id": "later", "submitted_at": start.isoformat(), "form": "ebook", "email": "later@acme.com"}
    send([bare("form-submissions", later)])
    wait_for("lead-decisions", at_least(GOOD + 1))
    assert sorted(map(place, read("dead-letters"))) == sorted(map(place, letters))
    assert decided() == scenario.submission_ids | {"later"}


def interleaved(good: Sequence[Outgoing], bad: Sequence[Outgoing]) -> Iterator[Outgoing]:
    """Yield all records, the bad ones among the good."""
    for well, ill in zip_longest(good, bad):
        yield from (record for record in (well, ill) if record is not None)


def expect_one_letter_each(letters: Sequence[Received], poison: Sequence[Poison]) -> None:
    """Check code, source, content and silence of the letters against what was sent."""
    sent = {
        (load_settings().topic_prefix + record.topic, record.partition, record.offset): record
        for record in read(*{bad.record.topic for bad in poison})
    }
    codes = {(bad.record.topic, bad.record.value): bad.code for bad in poison}
    told = []
    for letter in map(data, letters):
        source = sent[letter["source_topic"], letter["source_partition"], letter["source_offset"]]
        assert base64.b64decode(letter["value_base64"]) == source.value
        told.append((source.topic, source.value, letter["code"]))
        assert "@" not in letter["detail"]
        for word in ("poison-", "stranger", "lunch", "xxxx", "nobody"):
            assert word not in letter["detail"]
    assert sorted(told) == sorted((*record, code) for record, code in codes.items())


def place(letter: Received) -> tuple[int, int]:
    """Return where a dead letter stands: another copy of it would stand elsewhere."""
    return letter.partition, letter.offset


def decided() -> set[str]:
    """Return the submissions that have a decision, each of them exactly one."""
    decisions = {record.headers["ce_id"]: data(record)["submission_id"] for record in read("lead-decisions")}
    assert len(decisions) == len(set(decisions.values()))
    return set(decisions.values())
