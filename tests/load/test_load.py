"""A day of arrivals with bursts, pressed into seconds: the promises hold, and the figures are those of the run."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from router.entrypoints.topics import create
from tests.chaos.scene import settings_of
from tests.e2e.scenario import Scenario
from tests.e2e.scenario_companies import DATA
from tests.e2e.site import SECRET
from tests.load.curve import Day
from tests.load.run import Place, run

SUBMISSIONS = 300
OVER = timedelta(seconds=6)

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data for checks is not beside the project")


@needs_data
def test_a_day_with_bursts_keeps_what_is_sent_and_its_order() -> None:
    """The same submissions in the same order, at other moments; ten times as many come in a burst."""
    draw = random.Random(1)  # noqa: S311 - the same each time, not secret
    plain = Scenario.make(SUBMISSIONS)
    quiet = Day.drawn(draw)
    loud = quiet.with_bursts(draw, 3)
    day = loud.spread(plain)
    assert [form.submission_id for form in day.forms] == [form.submission_id for form in plain.forms]
    moments = [form.share for form in day.forms]
    assert moments == sorted(moments)
    assert 0 <= moments[0] <= moments[-1] < 1
    assert max(loud.weights) > 5 * max(quiet.weights)
    assert {round(after / before, 6) for after, before in zip(loud.weights, repeated(quiet, 10), strict=True)} == {
        1,
        10,
    }


def repeated(day: Day, times: int) -> list[float]:
    """Return the weights of finer spans."""
    return [weight for weight in day.weights for _ in range(times)]


@needs_data
@pytest.mark.kafka
@pytest.mark.slow
async def test_the_promises_hold_over_a_short_day(kafka: str, valkey: str, prefix: str, tmp_path: Path) -> None:
    """Every submission of the day has its delay, every look its memory, and the audit finds nothing."""
    made = Scenario.make(SUBMISSIONS, first_touch=timedelta(seconds=4), accept_within=timedelta(seconds=2))
    draw = random.Random(1)  # noqa: S311 - the same each time, not secret
    scenario = Day.drawn(draw).with_bursts(draw, 2).spread(made)
    config = scenario.write_policy(tmp_path / "config")
    environment = {
        "ROUTER_CONFIG": str(config),
        "ROUTER_DATA_DIR": str(tmp_path / "data"),
        "ROUTER_SECRET": SECRET,
        "ROUTER_TOPIC_PREFIX": prefix,
        "ROUTER_WORKSPACE": prefix.strip("-"),
        "ROUTER_KAFKA": kafka,
        "ROUTER_REDIS_URL": valkey,
    }
    await create(settings_of(environment))
    found = await run("A short day.", scenario, OVER, Place(environment, tmp_path, config))
    print(found.markdown(""))
    assert found.holds, (found.problem, found.report.violations[:5])
    assert len(found.moments) == SUBMISSIONS
    assert all(delay > 0 for _, delay in found.moments)
    assert found.samples
    assert all(sample.redis > 0 and min(sample.workers) > 0 for sample in found.samples)
    assert [name for name, *_ in found.drift()] == [
        "delay, p50",
        "delay, p99",
        "Valkey, used_memory",
        "worker 1, memory",
        "worker 2, memory",
    ]
