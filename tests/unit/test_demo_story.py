"""The demo's story: what it makes of the records, and how the world around the router reacts to them."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from router.demo.cast import Cast
from router.demo.lines import line
from router.demo.script import policy_directory, rep_scripts
from router.demo.story import Story
from router.domain.audit import Observed
from router.policy import load_policy
from tests.unit.demo_events import (
    START,
    assignment,
    at,
    clock_turned,
    decided,
    form,
    one_lead,
    present,
    rejected,
)

POLICY = load_policy(policy_directory()).policy


@pytest.fixture
def story() -> Story:
    """A story in which nothing has happened yet."""
    return Story(POLICY, START)


def tell(story: Story, *records: Observed) -> list[str]:
    """Let *story* take the records in, and return their lines."""
    lines = [line(each, story) for each in records if story.see(each)]
    return [each for each in lines if each is not None]


def test_a_lead_that_is_called_in_time_ends_its_story(story: Story) -> None:
    """The run is over once each form is answered and each clock has stopped, and not before."""
    *before, last = one_lead()

    tell(story, *before)
    assert story.unfinished() == "0 forms without a decision, 1 leads without an end"
    assert story.reps["priya"].called == 1
    tell(story, last)

    assert story.over
    assert story.counts["met"] == 1
    assert story.first_assigned_at == START + timedelta(milliseconds=20)


def test_the_same_records_again_change_nothing(story: Story) -> None:
    """An output that is published twice is counted once."""
    records = one_lead()
    tell(story, *records)
    counted = dict(story.counts)

    assert tell(story, *records[2:]) == []
    assert story.counts == {**counted, "forms": counted["forms"]}
    assert story.reps["priya"].called == 1


def test_the_lines_say_who_got_the_lead_and_why(story: Story) -> None:
    """Decision, assignment and call are a line each, with reason, tags, and who could not take the lead."""
    lines = tell(story, *one_lead())

    assert lines == [
        "  0.00 s  presence  Priya is available",
        "  0.00 s  decided   SQL -> sales  Jamie Tran, Kestrel HVAC: decides, and fits [decision-maker]",
        (
            "  0.02 s  assigned  Priya <- Jamie Tran, Kestrel HVAC: the one who is free in mid-market; "
            "not Luc full, Jonas away"
        ),
        "  1.50 s  called    Jamie Tran, Kestrel HVAC: Priya calls 1:30 min after the form",
    ]


def test_what_goes_wrong_has_its_line_too(story: Story) -> None:
    """A lead that waits, is handed back and is called too late is told, and the rep's tally shows it."""
    lines = tell(
        story,
        form(1, 0, company="Kestrel"),
        decided(1, 0),
        assignment("queued", 1, 1, 0.1, rep_id=None, attempt=0),
        assignment("assigned", 1, 2, 0.5),
        assignment("unassigned", 1, 3, 1.5, reason="accept_timeout"),
        assignment("assigned", 1, 4, 1.5, rep_id="tess", attempt=2),
        clock_turned("breached", 1, 5),
        assignment("touched", 1, 5, 5.5, rep_id="tess", attempt=2),
        clock_turned("resolved", 1, 5.5),
    )

    assert [text.split()[2] for text in lines] == [
        "decided",
        "waiting",
        "assigned",
        "back",
        "assigned",
        "breached",
        "called",
    ]
    assert "Priya did not answer" in lines[3]
    assert "(attempt 2)" in lines[4]
    assert "within 5:00 min" in lines[5]
    assert dict(story.reps["priya"].lost) == {"accept_timeout": 1}
    assert story.reps["priya"].held == set()
    assert story.over


def test_a_form_that_nobody_can_read_is_answered_by_its_dead_letter(story: Story) -> None:
    """It does not keep the run from being over."""
    bad = form(7, 0)
    tell(story, bad)
    assert story.unfinished().startswith("1 forms")

    tell(story, rejected(bad.offset, 0.1))

    assert story.over


def test_a_presence_whose_time_has_run_out_is_offline(story: Story) -> None:
    """Silence is offline, though no event says so."""
    tell(story, present("tess", 0, ttl_seconds=12))

    assert story.reps["tess"].status_at(START + timedelta(seconds=11)) == "available"
    assert story.reps["tess"].status_at(START + timedelta(seconds=12)) == "offline"


def sent(cast: Cast, seconds: float) -> list[tuple[str, str]]:
    """Return (action, lead) of what the reps do by then."""
    records = cast.due(START + timedelta(seconds=seconds))
    actions = [orjson.loads(each.value or b"") for each in records if each.topic == "rep-actions"]
    return [(each["action"], each["lead_id"]) for each in actions]


def test_a_rep_accepts_and_calls_as_scripted_and_once() -> None:
    """An assignment is answered at the scripted moments; the same one seen again is not answered again."""
    cast, script = Cast(START), rep_scripts()["priya"]
    offer = assignment("assigned", 1, 1, 0)
    cast.see(offer)
    cast.see(offer)

    assert sent(cast, script.accepts_after.total_seconds() - 0.01) == []
    assert sent(cast, script.calls_after.total_seconds()) == [("accept", "lead-1"), ("touch", "lead-1")]


def test_a_rep_who_lost_the_lead_does_nothing_more_about_it() -> None:
    """Reps see when a lead is taken from them, and do not call it then."""
    cast = Cast(START)
    cast.see(assignment("assigned", 1, 1, 0))
    cast.see(assignment("unassigned", 1, 2, 0.05, reason="rep_unavailable"))

    assert sent(cast, 30) == []


def test_a_rep_whom_the_router_set_away_comes_back() -> None:
    """After the scripted while, and only when it was the router that did it."""
    cast = Cast(START)
    cast.due(START + timedelta(seconds=30))
    cast.see(present("luc", 30, "away"))
    assert cast.done

    away = Observed("rep-presence", 0, 1, "rep.presence.v1", "p1", present("luc", 30, "away", source="router").data)
    cast.see(away)

    [back] = cast.due(START + timedelta(seconds=60))
    assert orjson.loads(back.value or b"")["status"] == "available"
    assert orjson.loads(back.value or b"")["at"] == at(30 + rep_scripts()["luc"].returns_after.total_seconds())
