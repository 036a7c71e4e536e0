"""What is counted of the events that pass through the real steps, and of the calls of ledger and log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.entrypoints.metrics.figures import Figures
from router.entrypoints.metrics.instruments import Instruments
from router.entrypoints.metrics.outages import Outages
from router.entrypoints.metrics.table import CLEAN_PASS, METRICS, REQUESTS, VIOLATIONS, Process
from router.errors import DependencyDown
from router.pipeline.rounds import sweep, tick
from tests.unit.pipeline_floor import SIMPLE, WORKSPACE, Floor
from tests.unit.policy_text import load


def shown(figures: Figures) -> dict[str, float]:
    """Return every number by its name with labels, as a reader of the text has it."""
    found = {}
    for family in text_string_to_metric_families(figures.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class Measured(Floor):
    """A floor whose log, ledger and handlers are measured as a worker's are."""

    def __init__(self, *args: Any) -> None:  # noqa: ANN401 - those of a floor
        super().__init__(*args)
        self.instruments = Instruments("worker")
        self.ports["publisher"] = self.publisher = self.instruments.publisher(self.log)
        self.ports["ledger"] = self.measured_ledger = self.instruments.ledger(self.ledger)

    def handler(self, topic: str) -> Any:  # noqa: ANN401 - a handler
        """Return the handler of *topic*, measured."""
        return self.instruments.handlers({topic: super().handler(topic)})[topic]

    @property
    def shown(self) -> Mapping[str, float]:
        """What a reader of the metrics sees."""
        return shown(self.instruments.figures)


@pytest.fixture
async def floor(tmp_path: Path) -> Measured:
    """Give a floor with ana and ben available."""
    floor = Measured(load(tmp_path, SIMPLE).policy, "ana", "ben")
    await floor.open()
    return floor


async def test_a_lead_on_its_way_is_counted_at_each_station(floor: Measured) -> None:
    """Received, decided, assigned, touched, its clock met: each is counted once, with the times of its events."""
    submission = floor.submission(1)
    floor.clock.advance(seconds=2)
    await floor.send("form-submissions", submission, b"no json")
    floor.clock.advance(seconds=40)
    await floor.send("rep-actions", floor.action(1, floor.lead(1), "ana", "touch", channel="call"))

    told = floor.shown
    assert told["router_events_received_total{topic=form-submissions}"] == 2
    assert told["router_batch_seconds_count{topic=form-submissions}"] == 1
    assert told["router_decisions_total{stage=sql,to=sales}"] == 1
    assert told["router_events_published_total{type=lead.assigned.v1}"] == 1
    assert told["router_events_published_total{type=sla.met.v1}"] == 1
    assert (told["router_assign_seconds_count"], told["router_assign_seconds_sum"]) == (1, 2)
    assert (told["router_touch_seconds_count"], told["router_touch_seconds_sum"]) == (1, 42)
    assert told["router_dead_letters_total{code=malformed_json,topic=test-form-submissions}"] == 1
    assert told["router_ledger_call_seconds_count{verb=place}"] == 1
    assert told["router_ledger_call_seconds_count{verb=act}"] == 1


async def test_what_the_form_says_is_not_taken_for_what_the_router_says(floor: Measured) -> None:
    """Text in a submission that looks like the router's own JSON counts as nothing."""
    trap = '","stage":"rejected","to":"none","attempt":1,"at":"2000-01-01T00:00:00.000Z","reason":"declined"'
    await floor.send("form-submissions", floor.submission(1, company=trap, message=trap))
    assert {name for name in floor.shown if name.startswith("router_decisions_total")} == {
        "router_decisions_total{stage=sql,to=sales}"
    }


async def test_a_miss_is_a_lead_taken_back_and_its_next_attempt_no_first_assignment(floor: Measured) -> None:
    """Reasons are told apart, and how long a lead was on its way is told of its first assignment."""
    await floor.send("form-submissions", floor.submission(1))
    floor.clock.advance(seconds=61)
    await tick(floor.measured_ledger, floor.publisher, WORKSPACE)

    told = floor.shown
    assert told["router_leads_unassigned_total{reason=accept_timeout}"] == 1
    assert told["router_events_published_total{type=lead.assigned.v1}"] == 2
    assert told["router_assign_seconds_count"] == 1


async def test_rounds_are_counted_while_nothing_happens(floor: Measured) -> None:
    """So that a worker whose rounds stand can be told from one that has nothing to do."""
    for _ in range(3):
        await tick(floor.measured_ledger, floor.publisher, WORKSPACE)
        await sweep(floor.measured_ledger, floor.publisher, WORKSPACE)
    assert floor.shown["router_rounds_total{round=tick}"] == 3
    assert floor.shown["router_rounds_total{round=sweep}"] == 3


async def test_what_the_log_did_not_take_is_not_counted_as_published(floor: Measured) -> None:
    """It is counted when the sweep has published it."""
    floor.log.outage.left = 1
    await floor.send("form-submissions", floor.submission(1))
    assert "router_decisions_total{stage=sql,to=sales}" not in floor.shown
    await sweep(floor.measured_ledger, floor.publisher, WORKSPACE)
    assert floor.shown["router_decisions_total{stage=sql,to=sales}"] == 1


class Moments:
    """A clock that stands where a test puts it."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        """Return the moment."""
        return self.at


def test_an_outage_is_shown_while_it_lasts_and_its_length_adds_up() -> None:
    """A server that does not answer is down until it does; the other one is not."""
    figures, clock = Figures("worker"), Moments()
    outages = Outages(figures, clock)
    for seconds in (0, 3, 4):
        clock.at += seconds
        with pytest.raises(DependencyDown), outages.asking("redis"):
            raise DependencyDown("away")
    assert shown(figures)["router_dependency_down{dependency=redis}"] == 1
    assert shown(figures)["router_dependency_down{dependency=log}"] == 0
    clock.at += 1
    with outages.asking("redis"):
        pass
    clock.at += 60
    with outages.asking("redis"):
        pass
    assert shown(figures)["router_dependency_down{dependency=redis}"] == 0
    assert shown(figures)["router_dependency_down_seconds_total{dependency=redis}"] == 8
    assert outages.down == frozenset()


def test_a_server_is_back_when_it_has_answered_all_whom_it_failed() -> None:
    """One that has lost the ledger may serve the queue of deliveries all the while."""
    outages = Outages(Figures("worker"))
    outages.tell("redis", answers=False)
    outages.tell("redis", answers=True, by="deliveries")
    assert outages.down == {"redis"}
    outages.tell("redis", answers=True)
    assert outages.down == frozenset()


@pytest.mark.parametrize("process", ["worker", "gateway", "notifier", "watchdog"])
def test_a_process_tells_its_part_of_the_table_and_nothing_else(process: Process) -> None:
    """Each can be scraped, and a metric of another process is a mistake in the program."""
    figures = Figures(process)
    families = {family.name for family in text_string_to_metric_families(figures.text().decode())}
    ours = {metric.name.removesuffix("_total") for metric in METRICS if process in metric.processes}
    assert {name for name in families if name.startswith("router_")} == ours
    assert shown(figures)["process_resident_memory_bytes"] > 0
    with pytest.raises(KeyError):
        figures.count(VIOLATIONS, "1") if process != "watchdog" else figures.count(REQUESTS, "GET", "/", "200")


def test_a_figure_that_is_forgotten_is_shown_no_more() -> None:
    """As the version of a policy that is no longer in force."""
    figures = Figures("watchdog")
    figures.count(VIOLATIONS, "1")
    figures.count(VIOLATIONS, "2", by=3)
    figures.set(CLEAN_PASS, 5)
    figures.forget(VIOLATIONS)
    figures.count(VIOLATIONS, "2")
    told = shown(figures)
    assert {name: told[name] for name in told if name.startswith("router_violations_total")} == {
        "router_violations_total{promise=2}": 1
    }
    assert told[CLEAN_PASS.name] == 5
