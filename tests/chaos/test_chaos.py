"""Every kind of fault once, in a shorter form than `make chaos`: no promise is broken and nobody waits for long."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.fault import Fault
from tests.chaos.faults import FAULTS
from tests.chaos.judged import Load, judged
from tests.chaos.scene import processes, proxied
from tests.chaos.table import show
from tests.e2e.scenario_companies import DATA
from tests.kafka.server import KafkaServer, NoKafka
from tests.valkey import ValkeyServer

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the data for checks is not beside the project"),
]

SHORT = Load(
    submissions=400,
    over=timedelta(seconds=8),
    away=5.0,
    first_touch=timedelta(seconds=5),
    accept_within=timedelta(seconds=2),
)
SHOWN = (
    "worker-killed",
    "worker-stopped",
    "broker-stopped",
    "kafka-lost-for-one",
    "redis-silent",
    "worker-clocks",
    "redis-clock",
    "disk-full",
    "poison",
    "enricher-hangs",
)
"""One row of each kind that no test in tests/e2e does at the same load."""


BUSY = 2.0
"""How much longer a submission may take here than by `make chaos`: the machine may have other tests to run."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaServer, ValkeyServer]]:
    """Give a Kafka and a Valkey that every row may do to what it likes."""
    try:
        with processes(tmp_path_factory.mktemp("chaos")) as there:
            yield there
    except NoKafka as error:
        if os.environ.get("CI"):
            pytest.fail(f"no Kafka in CI: {error}")
        pytest.skip(f"no Kafka: {error}")


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in SHOWN], ids=lambda fault: fault.name)
async def test_no_promise_is_broken(fault: Fault, there: tuple[KafkaServer, ValkeyServer], tmp_path: Path) -> None:
    """Nothing is lost, nobody has two owners, no rep too many leads, every clock ends, and nobody waits for long."""
    if missing := fault.missing():
        pytest.skip(f"{fault.name}: {missing}")
    async with proxied(*there) as servers:
        row = await judged(fault, 1, SHORT, tmp_path, servers)
    row = replace(row, allowed=BUSY * row.allowed)
    show([row])
    assert row.holds, row.why
    assert row.events > SHORT.submissions


def test_what_is_shown_is_there() -> None:
    """Every row of the short form is a row of the table."""
    assert set(SHOWN) <= {fault.name for fault in FAULTS}
