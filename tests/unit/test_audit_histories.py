"""Whole histories: whatever correctly happens is found correct, in any order and any number of times; harm is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.audit import Observed, Roster, RosterRep
from tests.unit.audit_story import START, Story

REPS = ("ana", "ben", "cid")
PEOPLE = ("kim", "lou", "max", "noa", "pia")

Command = tuple[str, str, str, float]

VERBS = (
    *("submit", "submit", "submit", "nurture", "test", "here", "here", "busy", "wait", "poison"),
    *("accept", "decline", "release", "touch", "touch", "won", "lost"),
)

commands = st.lists(
    st.tuples(
        st.sampled_from(VERBS),
        st.sampled_from(REPS),
        st.sampled_from(PEOPLE),
        st.sampled_from((0.5, 3.0, 60.0, 200.0)),
    ),
    min_size=3,
    max_size=40,
)


def told(script: Sequence[Command]) -> Story:
    """Play a script to its end."""
    story = Story({"ana": 1, "ben": 2, "cid": 3})
    story.presence("ana", "available")
    story.wait(1)
    for verb, rep, person, seconds in script:
        play(story, verb, rep, person)
        story.wait(seconds)
    story.finish()
    return story


def play(story: Story, verb: str, rep: str, person: str) -> None:
    """Play one command; those about a person of whom nobody has heard do nothing."""
    known = f"lead-{person}" in story.leads
    match verb:
        case "submit":
            story.submit(person)
        case "nurture":
            story.submit(person, to="nurture")
        case "test":
            story.submit(f"tester-{person}", test=True)
        case "here":
            story.presence(rep, "available")
        case "busy":
            story.presence(rep, "busy")
        case "poison":
            story.poison()
        case "won" | "lost" if known:
            story.outcome(person, verb)
        case "accept" | "decline" | "release" | "touch" if known:
            holder = story.leads[f"lead-{person}"].rep_id
            story.act(holder if holder and verb != "accept" else rep, person, verb)


@given(commands, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_correct_history_breaks_nothing(script: Sequence[Command], random: object) -> None:
    """Whatever correctly happens is found correct, with every record twice and in any order."""
    story = told(script)
    records = [*story.records, *(_published_again(record, at) for at, record in enumerate(story.records))]
    random.shuffle(records)  # type: ignore[attr-defined] # hypothesis gives a `random.Random`

    report = story.audited(records)

    assert report.violations == ()
    assert report.counts == replace(story.audited().counts, records=report.counts.records)


def _published_again(record: Observed, at: int) -> Observed:
    """Return the record under another offset where it is an output, else the same record read again."""
    return replace(record, offset=100_000 + at) if record.ce_id is not None else record


@given(commands)
@settings(max_examples=50, deadline=None)
def test_a_history_cut_anywhere_is_no_violation_while_it_runs(script: Sequence[Command]) -> None:
    """A running system that is read in the middle of its work is not accused of what has no time yet to be done."""
    story = told(script)
    seen = story.records[: len(story.records) * 2 // 3]
    story.now = max(
        (datetime.fromisoformat(record.data["at"]) for record in seen if record.data and "at" in record.data),
        default=START,
    )

    assert story.audited(seen, strict_end=False).violations == ()


@given(commands, st.data())
@settings(max_examples=100, deadline=None)
def test_any_lost_output_is_found(script: Sequence[Command], data: st.DataObject) -> None:
    """Taking out a decision, an assignment event but the last, or the end of a clock is found."""
    story = told([*script, ("submit", "ana", "kim", 1.0), ("touch", "ana", "kim", 1.0)])
    losable = [
        record
        for record in story.records
        if record.topic == "lead-decisions"
        or record.ce_type in {"sla.met.v1", "sla.breached.v1", "sla.cancelled.v1", "sla.resolved.v1"}
        or (record.topic == "lead-assignments" and record.data and record.data["sequence"] < story.sequence)
    ]
    lost = data.draw(st.sampled_from(losable))

    assert not story.audited([record for record in story.records if record != lost]).holds


@given(commands, st.data())
@settings(max_examples=100, deadline=None)
def test_a_second_owner_is_found(script: Sequence[Command], data: st.DataObject) -> None:
    """The same assignment given to another rep as well is found, whatever number of the sequence it takes."""
    story = told([*script, ("here", "ben", "kim", 1.0), ("submit", "ana", "kim", 1.0)])
    assigned = [record for record in story.records if record.ce_type == "lead.assigned.v1"]
    twice = data.draw(st.sampled_from(assigned))
    assert twice.data is not None
    other = data.draw(st.sampled_from([rep for rep in REPS if rep != twice.data["rep_id"]]))
    records = story.with_extra(twice, "another", rep_id=other, sequence=story.sequence + 1)

    assert 2 in story.audited(records).found


@given(commands)
@settings(max_examples=50, deadline=None)
def test_attempts_in_the_wrong_order_are_found(script: Sequence[Command]) -> None:
    """A lead whose attempts change places is found."""
    twice = [("submit", "ana", "kim", 1.0), ("decline", "ana", "kim", 1.0), ("touch", "ana", "kim", 1.0)]
    story = told([("here", "ben", "kim", 1.0), ("here", "cid", "kim", 1.0), *twice, *script])
    swap = {1: 2, 2: 1}
    records = [
        replace(record, data={**record.data, "attempt": swap.get(record.data["attempt"], record.data["attempt"])})
        if record.data and record.topic == "lead-assignments" and record.data["lead_id"] == "lead-kim"
        else record
        for record in story.records
    ]

    assert 2 in story.audited(records).found


@given(commands)
@settings(max_examples=50, deadline=None)
def test_an_overshot_capacity_is_found(script: Sequence[Command]) -> None:
    """A rep whose capacity is one below the most that they held is found."""
    story = told([*script, ("here", "ana", "kim", 1.0), ("submit", "ana", "noa", 1.0)])
    loads = story.audited().counts.max_load
    roster = Roster({rep: RosterRep(loads.get(rep, 1) - 1 if rep in loads else 1) for rep in REPS})

    assert 3 in story.audited(roster=roster).found
