"""What the watchdog sees stands in the figures that its process shows."""

from __future__ import annotations

from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.watchdog.gauges import Gauges
from router.entrypoints.watchdog.readings import Readings
from router.ports import Lag
from tests.unit.demo_events import START


def test_each_look_shows_and_counts_what_is_new() -> None:
    """A violation is counted once, however often it is looked at; gauges and health follow the last look."""
    instruments = Instruments("watchdog")
    gauges, readings = Gauges(instruments), Readings(clean_at=START)
    readings.violations[2] += 1
    readings.behind("router-x", (Lag("form-submissions", 0, 3, None), Lag("form-submissions", 1, 4, None)))
    gauges.show(readings)
    readings.healthy["redis"] = False
    gauges.show(readings)

    lines = instruments.figures.text().decode().splitlines()
    assert 'router_violations_total{promise="2"} 1.0' in lines
    assert 'router_consumer_lag{group="router-x",topic="form-submissions"} 7.0' in lines
    assert 'router_dependency_down{dependency="redis"} 1.0' in lines
    assert any(line.startswith("router_watchdog_last_clean_pass_timestamp_seconds ") for line in lines)
    assert instruments.health()["log"]
    assert not instruments.health()["redis"]
