"""The demo's report: the numbers follow from the records, and the text says what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

from rich.console import Console

from router.demo.report import DemoReport, report
from router.demo.report_view import WIDTH, printed
from router.demo.script import policy_directory
from router.domain.audit import Observed
from router.policy import load_policy
from tests.unit.demo_events import START, assignment, clock_turned, decided, form, one_lead, present

POLICY = load_policy(policy_directory()).policy


def reported(records: Sequence[Observed]) -> DemoReport:
    """Return the report of a run that began 1.5 s before its start and was over after 30 s."""
    over = START + timedelta(seconds=30)
    return report(records, POLICY, began=START - timedelta(seconds=1.5), ended=over, read_until=over)


def text(told: DemoReport) -> str:
    """Return the report as it is printed."""
    console = Console(width=WIDTH, file=StringIO(), record=True, color_system=None)
    console.print(printed(told, policy_directory()))
    return console.export_text()


def waited() -> list[Observed]:
    """Return the story of a lead that waits, is declined once, and is called too late."""
    return [
        form(2, 0),
        decided(2, 0, stage="iql"),
        assignment("queued", 2, 4, 0.1, rep_id=None, attempt=0),
        assignment("assigned", 2, 5, 0.9),
        assignment("unassigned", 2, 6, 1.0, reason="declined"),
        assignment("assigned", 2, 7, 1.0, rep_id="luc", attempt=2),
        clock_turned("breached", 2, 5.0),
        assignment("touched", 2, 8, 5.5, rep_id="luc", attempt=2, accept_by=None),
        clock_turned("resolved", 2, 5.5),
    ]


def test_a_kept_run_is_reported_as_kept() -> None:
    """One lead, called in time: every number is that lead's, and no promise is broken."""
    told = reported(one_lead())

    assert told.audit.violations == ()
    assert told.stages["sql"] == {"sales": 1}
    assert told.to_free_rep is not None
    assert told.to_free_rep.p50 == timedelta(milliseconds=20)
    assert told.to_waited_rep is None
    assert told.to_touch is not None
    assert told.to_touch.p99 == timedelta(seconds=1.5)
    assert told.first_assigned == timedelta(seconds=1.52)
    assert told.took == timedelta(seconds=31.5)
    assert told.reps["priya"].called == 1
    assert told.reps["luc"].passed_over == {"at_capacity": 1}


def test_a_lead_that_waited_is_told_apart() -> None:
    """Waiting for a rep is not the router's speed, so it has its own line; the first rep counts, not the second."""
    told = reported([present("luc", 0), *one_lead(), *waited()])

    assert told.to_rep is not None
    assert told.to_rep.count == 2
    assert told.to_waited_rep is not None
    assert told.to_waited_rep.p50 == timedelta(seconds=0.9)
    assert told.audit.counts.clocks == {"breached": 1, "met": 1, "resolved": 1}
    assert told.reps["priya"].lost == {"declined": 1}
    assert told.stages["iql"] == {"sales": 1}


def test_what_was_published_twice_counts_once() -> None:
    """Repeats change no number but that of the events."""
    once, twice = reported(one_lead()), reported([*one_lead(), *one_lead()[2:]])

    assert {**once.as_json(), "events": 0} == {**twice.as_json(), "events": 0}
    assert twice.events > once.events


def test_test_submissions_are_left_out_of_the_table() -> None:
    """They are decided and reach nobody."""
    told = reported([*one_lead(), form(3, 0, test=True), decided(3, 0, test=True)])

    assert sum(sum(to.values()) for to in told.stages.values()) == 1
    assert told.audit.counts.tests == 1


def test_the_text_holds_the_numbers_and_the_next_steps() -> None:
    """Stages, speed, clocks, reps, the audit's answer and what to do next stand in 80 columns."""
    picture = text(reported([present("luc", 0), *one_lead(), *waited()]))

    assert max(len(each) for each in picture.splitlines()) <= WIDTH
    for expected in (
        "SQL",
        "form to rep, where one was free",
        "20 ms",
        "1:30 min = 1.5 s",
        "1 met, 1 breached",
        "First lead assigned 1.52 s after the command began",
        "1 second here stands for 60 of real life",
        "1x Priya Menon declined it",
        "promises 1-5 and 7 hold over",
        "router up",
        "router check",
        "config/",
    ):
        assert expected in " ".join(picture.split())


def test_a_broken_promise_is_said_plainly() -> None:
    """A lead that nobody called breaks promise 5, and the text names promise and lead."""
    told = reported(one_lead()[:-2])
    picture = text(told)

    assert not told.audit.holds
    assert "No: broken over" in picture
    assert "promise 5" in picture
    assert "lead-1" in picture


def test_the_report_is_json_for_a_program() -> None:
    """Nothing in it is beyond JSON, and the audit's answer is in it."""
    told = json.loads(json.dumps(reported(one_lead()).as_json()))

    assert told["audit"] == {"holds": True, "promises": [1, 2, 3, 4, 5, 7], "found": {}, "violations": []}
    assert told["seconds"]["form_to_first_touch"] == {"count": 1, "p50": 1.5, "p99": 1.5, "longest": 1.5}


def test_an_empty_run_can_be_reported() -> None:
    """Where nothing happened there is nothing to divide by."""
    assert "promises 1-5 and 7 hold over 0 events" in text(reported([]))
