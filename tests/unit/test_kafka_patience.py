"""When a consumer of Kafka that begins again and again gives up, and when it must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from router.adapters.kafka.patience import LASTS, WENT_WELL, Patience
from router.errors import DependencyDown, Stands

PROBLEM = RuntimeError("it stands at 5 and ends at 7")


class Broker:
    """Answers for topics, unless it is away; implements what is asked of `KafkaAdmin`, with a clock beside it."""

    def __init__(self) -> None:
        self.away = False
        self.now = 0.0

    async def partitions(self, names: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Return the partitions of *names*."""
        if self.away:
            raise DependencyDown("no broker answers")
        return {name: [0] for name in names}


@pytest.fixture
def broker() -> Broker:
    """Give a broker that answers."""
    return Broker()


@pytest.fixture
def patience(broker: Broker) -> Patience:
    """Give the patience of one consumer."""
    return Patience(broker, ["t"], lambda: broker.now)  # type: ignore[arg-type]  # as much of an admin as is asked for


async def fail(broker: Broker, patience: Patience, seconds: float, *, handled: bool = False) -> None:
    """Let runs of twenty seconds fail for that long."""
    for _ in range(round(seconds / 20)):
        broker.now += 20
        await patience.after(PROBLEM, lasted=20, handled=handled)


async def test_runs_that_come_to_nothing_end_it(broker: Broker, patience: Patience) -> None:
    """After two minutes of them, with what was wrong the last time."""
    await fail(broker, patience, LASTS)
    with pytest.raises(Stands, match="stands at 5"):
        await fail(broker, patience, 40)


async def test_an_outage_ends_nothing(broker: Broker, patience: Patience) -> None:
    """However long the broker is away; and the time before counts no more."""
    await fail(broker, patience, LASTS - 20)
    broker.away = True
    await fail(broker, patience, 3600)
    broker.away = False
    await fail(broker, patience, LASTS)


async def test_a_record_begins_it_anew(broker: Broker, patience: Patience) -> None:
    """A consumer that fails every twenty seconds and works in between goes on."""
    await fail(broker, patience, 3600, handled=True)


async def test_a_run_that_had_nothing_to_read_is_no_failure(broker: Broker, patience: Patience) -> None:
    """An idle consumer that fails once an hour goes on."""
    for _ in range(5):
        broker.now += 3600
        await patience.after(PROBLEM, lasted=WENT_WELL + 1, handled=False)
    await fail(broker, patience, LASTS)
