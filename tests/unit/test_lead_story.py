"""A lead's story: every turn of it once, in order, with its reasons, and true to what the ledger says now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.lead_story.shape import ClockRun, Event, LeadStory, Standing
from router.domain.lead_story.tell import tell
from router.entrypoints.explain import as_json
from router.events.assignment import AssignmentEvent, LeadAssigned, LeadClosed, LeadQueued, LeadTouched, LeadUnassigned
from router.events.sla import SlaEvent
from tests.unit.lead_story_telling import KEPT, PERSONAL, Telling, seconds
from tests.unit.ledger_story import seat

Turns = list[tuple[int, str | None, list[tuple[str, str | None, float | None]]]]


def floor(**limits: Any) -> Telling:  # noqa: ANN401 - those of `Story`
    """Return a floor with ana and ben there, ana first in line."""
    telling = Telling("ana", "ben", **limits)
    telling.come("ana", "ben")
    return telling


def turns(story: LeadStory) -> Turns:
    """Return each attempt with its rep and what became of it: by whom, after how many seconds."""
    return [
        (one.attempt, one.rep_id, [(turn.what, turn.by, turn.after_seconds) for turn in one.turns])
        for one in story.attempts
    ]


def clock(story: LeadStory) -> ClockRun:
    """Return the one clock."""
    [run] = story.clocks
    return run


# --- attempts, waits, where it stands ---------------------------------------------------------------------------------


def test_declined_accepted_touched() -> None:
    """Each attempt says to whom, what came of it, by whom and after how long; the story ends where the lead is."""
    floor_ = floor()
    floor_.send()
    floor_.wait(5)
    floor_.act("decline", "L1", "ana")
    floor_.wait(7)
    floor_.act("accept", "L1", "ben")
    floor_.wait(20)
    floor_.act("touch", "L1", "ben")
    story = floor_.told()

    assert turns(story) == [
        (1, "ana", [("declined", "ana", 5.0)]),
        (2, "ben", [("accepted", "ben", 7.0), ("touched", "ben", 27.0)]),
    ]
    assert all(one.over for one in story.attempts)
    assert story.attempts[1].turns[1].channel == "call"
    assert (story.now.state, story.now.rep_id, story.now.attempt) == ("touched", "ben", 2)
    assert story.now.touch_by is None
    assert story.now.agrees
    assert story.notes == ()


def test_candidates_say_why_not() -> None:
    """An assignment lists who could take the lead and why each other one could not."""
    floor_ = Telling(seat("ana", capacity=1), "ben", "cleo")
    floor_.come("ana", "cleo")
    floor_.send("L0")
    floor_.send()
    [attempt] = floor_.told().attempts

    assert attempt.rep_id == "cleo"
    assert {each.rep_id: each.code for each in attempt.candidates} == {
        "cleo": "eligible", "ana": "at_capacity", "ben": "offline"
    }  # fmt: skip
    assert attempt.considered == 3
    assert (attempt.route, attempt.step, attempt.pool) == ("hot", 1, "all")


def test_a_wait_and_who_ended_it() -> None:
    """A spell in the queue has its length and says who took over; one that lasts is as long as it is now."""
    floor_ = Telling("ana")
    floor_.send()
    floor_.wait(30)
    waiting = floor_.told()
    assert (waiting.now.state, waiting.now.rep_id) == ("waiting", None)
    assert [(one.seconds, one.ended_by) for one in waiting.waits] == [(30.0, None)]

    floor_.come("ana")
    [wait] = floor_.told().waits
    assert (round(wait.seconds), wait.ended_by, wait.by) == (30, "assigned", "ana")


def test_a_waiting_lead_that_a_repeat_lifted() -> None:
    """Queued anew by a repeat that is worth more, a lead has waited once and all the time."""
    floor_ = Telling("ana")
    floor_.send(priority=5)
    floor_.wait(20)
    floor_.send(priority=20)
    floor_.wait(10)

    assert [each.data.sequence for each in floor_.of() if isinstance(each.data, LeadQueued)] == [2, 1]
    assert [(one.seconds, one.until) for one in floor_.told().waits] == [(30.0, None)]


def test_a_touch_from_the_queue_by_somebody() -> None:
    """A contact made with a lead that nobody holds ends the wait and names who made it."""
    floor_ = Telling("ana")
    floor_.send()
    floor_.wait(3)
    floor_.act("touch", "L1", "ana")
    story = floor_.told()

    assert [(one.ended_by, one.by) for one in story.waits] == [("touched", "ana")]
    assert (story.attempts, story.now.state, story.now.rep_id) == ((), "touched", "ana")
    assert clock(story).state == "met"


def test_a_touch_by_another_than_the_holder() -> None:
    """The attempt is the holder's, and the contact that of who made it."""
    floor_ = floor()
    floor_.send()
    floor_.wait(2)
    floor_.act("touch", "L1", "ben")

    assert turns(floor_.told()) == [(1, "ana", [("touched", "ben", 2.0)])]


def test_a_touch_counts_when_it_was_made() -> None:
    """News of a call that come late say after how long the call was made, and when they came."""
    floor_ = floor()
    floor_.send(accept_within=90)
    floor_.wait(50)
    assert seconds(floor_.told().now.accept_by) == pytest.approx(90, abs=1)
    floor_.act("touch", "L1", "ana", ago=40)
    [attempt] = floor_.told().attempts
    assert floor_.told().now.accept_by is None

    [turn] = attempt.turns
    assert turn.after_seconds == 10.0
    assert seconds(turn.at) == pytest.approx(50, abs=1)
    assert seconds(turn.acted_at) == pytest.approx(10, abs=1)


def test_given_back_after_it_was_accepted() -> None:
    """What one rep accepted and gave back is not accepted by the next one yet."""
    floor_ = floor()
    floor_.send()
    floor_.act("accept", "L1", "ana")
    assert floor_.told().now.accepted_at is not None
    floor_.act("release", "L1", "ana")
    story = floor_.told()

    assert [what for what, _, _ in turns(story)[0][2]] == ["accepted", "released"]
    assert (story.now.state, story.now.rep_id, story.now.accepted_at) == ("held", "ben", None)


def test_missed_and_taken_back() -> None:
    """What the router took from a rep is nobody's deed, and tells which kind it was."""
    floor_ = floor()
    floor_.send(accept_within=60)
    floor_.wait(61)
    floor_.come("ben", status="away")
    story = floor_.told()

    assert turns(story)[:2] == [
        (1, "ana", [("accept_timeout", None, 60.0)]),
        (2, "ben", [("rep_unavailable", None, pytest.approx(1, abs=0.01))]),
    ]
    assert seconds(story.attempts[0].accept_by) == pytest.approx(60, abs=0.01)


def test_a_breach_moves_the_lead_on() -> None:
    """A breach that reassigns shows on the clock once and ends the attempt; the next rep's late touch resolves it."""
    floor_ = floor()
    floor_.send()
    floor_.wait(300)
    floor_.act("touch", "L1", "ben")
    story = floor_.told()

    assert turns(story) == [(1, "ana", [("breached", None, 300.0)]), (2, "ben", [("touched", "ben", 0.0)])]
    assert [turn.what for turn in clock(story).turns] == ["warned", "breached", "resolved"]
    assert clock(story).state == "resolved"
    assert ("sla_breach", "manager", "mia") in [
        (one.kind, one.recipient_type, one.recipient_id) for one in story.notifications
    ]


def test_parked_after_all_attempts() -> None:
    """A lead that has had all its attempts waits, and the story says for whom and that the manager was told."""
    floor_ = floor(max_attempts=2)
    floor_.send()
    floor_.act("decline", "L1", "ana")
    floor_.act("decline", "L1", "ben")
    story = floor_.told()

    assert story.now.state == "waiting"
    assert story.now.parked
    assert [one.recipient_id for one in story.notifications if one.kind == "no_rep_available"] == ["mia"]

    floor_.act("touch", "L1", "ben")
    assert (floor_.told().now.state, floor_.told().now.parked) == ("touched", False)


def test_opened_again() -> None:
    """A submission after the touch opens the lead again: attempts go on, and each clock has its own end."""
    floor_ = floor()
    floor_.send()
    floor_.act("touch", "L1", "ana")
    floor_.wait(60)
    floor_.send()
    story = floor_.told()

    assert [(one.attempt, one.opening, one.submission_id) for one in story.attempts] == [(1, 1, "s1"), (2, 2, "s3")]
    assert [one.opening for one in story.decisions] == [1, 2]
    assert [(run.submission_id, run.state) for run in story.clocks] == [("s1", "met"), ("s3", "running")]
    assert story.now.submission_id == "s3"
    assert seconds(story.now.touch_by) == pytest.approx(360, abs=1)


def test_an_attached_repeat() -> None:
    """A repeat of an open lead is decided, opens nothing, and says that it joined the open lead."""
    floor_ = floor()
    floor_.send()
    floor_.wait(10)
    floor_.send()
    story = floor_.told()

    _, repeat = story.decisions
    assert (repeat.decision.to, repeat.opening) == ("attached", None)
    assert [(one.field, one.before, one.after) for one in repeat.changed] == [("to", "sales", "attached")]
    assert [(one.what, one.after) for one in repeat.because] == [("lead", "open")]
    assert len(story.clocks) == len(story.attempts) == 1
    assert [(one.kind, one.recipient_id) for one in story.notifications] == [("assigned", "ana"), ("repeat", "ana")]


def test_closed_untouched() -> None:
    """A lead closed before anybody called says why, and its clock was cancelled."""
    floor_ = floor()
    floor_.send()
    floor_.wait(4)
    floor_.close("L1", "disqualified")
    story = floor_.told()

    assert turns(story) == [(1, "ana", [("disqualified", None, 4.0)])]
    assert (story.now.state, story.now.reason, story.now.rep_id) == ("closed", "disqualified", None)
    assert clock(story).state == "cancelled"


def test_closed_after_it_was_touched() -> None:
    """A close that comes after the touch ends the lead, and adds nothing to what became of the attempt."""
    floor_ = floor()
    floor_.send()
    floor_.act("touch", "L1", "ana")
    [touched] = [one for one in floor_.of() if isinstance(one.data, LeadTouched)]
    data = {**touched.data.model_dump(), "sequence": 99, "reason": "won", "at": touched.at + timedelta(days=30)}
    won = Event("won", touched.at + timedelta(days=30), LeadClosed.model_validate(data))
    story = tell("L1", [*floor_.of(), won], Standing("closed", 1), floor_.moment)

    assert [[what for what, _, _ in came] for _, _, came in turns(story)] == [["touched"]]
    assert (story.now.state, story.now.reason, story.now.rep_id, story.now.agrees) == ("closed", "won", None, True)


def test_never_sent_to_sales() -> None:
    """A lead for nurture has a decision and no more, and is not with sales."""
    floor_ = floor()
    floor_.send(to="nurture", route=None, sla=None, stage="lead")
    story = floor_.told()

    assert (story.now.state, story.now.agrees, len(story.decisions)) == ("not_open", True, 1)
    assert (story.attempts, story.waits, story.clocks) == ((), (), ())


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_breakdown_adds_up() -> None:
    """Each turn of a clock has a breakdown whose parts are the time that passed; one that does not is told."""
    floor_ = floor()
    floor_.send(age=12)
    floor_.wait(200)
    floor_.act("touch", "L1", "ana")
    story = floor_.told()

    for turn in clock(story).turns:
        parts = turn.breakdown.model_dump().values()
        assert turn.adds_up
        assert sum(parts) == pytest.approx(turn.elapsed_seconds)
    broken = [_with(one, elapsed_seconds=1.0) if isinstance(one.data, SlaEvent) else one for one in floor_.of()]
    assert not any(turn.adds_up for turn in clock(tell("L1", broken, None, floor_.moment)).turns)


def test_a_clock_that_runs_and_one_whose_end_is_missing() -> None:
    """Before its end a clock runs; where the lead is over and the log has no end of it, a note says so."""
    floor_ = floor()
    floor_.send()
    running = clock(floor_.told())
    assert running.state == "running"
    assert seconds(running.due_at) == pytest.approx(300, abs=1)

    floor_.act("touch", "L1", "ana")
    lost = [one for one in floor_.of() if not isinstance(one.data, SlaEvent)]
    story = tell("L1", lost, floor_.standing(), floor_.moment)
    assert clock(story).state == "untold"
    assert "no end of the clock of submission s1" in story.notes[0]


def test_a_repeat_moves_the_due_time() -> None:
    """Where a repeat makes the first contact due earlier, clock and present say so at once, as the ledger does."""
    floor_ = floor()
    floor_.send(priority=5)
    floor_.wait(10)
    floor_.send(age=120, priority=20)
    story = floor_.told()
    assert seconds(clock(story).due_at) == seconds(story.now.touch_by) == pytest.approx(190, abs=1)

    floor_.wait(60)  # the clock warns, by which the log has it too
    by_log = floor_.told(by_ledger=False)
    assert [turn.what for turn in clock(by_log).turns] == ["warned"]
    assert seconds(clock(by_log).due_at) == seconds(by_log.now.touch_by) == pytest.approx(190, abs=1)


# --- what the log may look like ---------------------------------------------------------------------------------------


def test_repeats_and_order_change_nothing() -> None:
    """Events that come again, in any order, tell the same story."""
    floor_ = floor(max_attempts=3)
    floor_.send()
    floor_.wait(5)
    floor_.act("decline", "L1", "ana")
    floor_.wait(10)
    floor_.act("touch", "L1", "ben")
    once = floor_.of()

    assert tell("L1", [*once, *reversed(once), *once[::2]], floor_.standing(), floor_.moment) == tell(
        "L1", once, floor_.standing(), floor_.moment
    )


def test_attempts_go_by_sequence_not_by_time() -> None:
    """Where an assignment's time lies before its predecessor's, the number of the sequence decides."""
    floor_ = floor()
    floor_.send()
    floor_.wait(5)
    floor_.act("decline", "L1", "ana")
    early = [
        _with(one, at=one.at - timedelta(hours=1)) if isinstance(one.data, AssignmentEvent) and one.data.attempt > 1
        else one
        for one in floor_.of()
    ]  # fmt: skip

    assert [one.rep_id for one in tell("L1", early, None, floor_.moment).attempts] == ["ana", "ben"]


def test_the_ledger_is_ahead_of_the_log() -> None:
    """Where what the ledger did last is not on the log, the story says what each says and what to do."""
    floor_ = floor()
    floor_.send()
    floor_.wait(5)
    before = floor_.of()
    floor_.act("decline", "L1", "ana")
    story = tell("L1", before, replace(floor_.standing(), touch_by=None), floor_.moment)

    assert not story.now.agrees
    assert seconds(story.now.touch_by) == pytest.approx(300, abs=1), "what the log says hangs together"
    assert (story.now.state, story.now.rep_id) == ("held", "ana")
    [note] = story.notes
    assert "behind the ledger" in note
    assert "held by ana, attempt 1" in note
    assert "held by ben, attempt 2" in note


def test_nothing_is_on_the_log_yet() -> None:
    """A lead that the ledger knows and the log does not is a story, and says so."""
    story = tell("L1", [], Standing("waiting"), floor().moment)

    assert (story.now.state, story.now.agrees) == ("unknown", False)
    assert "The log says: nothing. The ledger says: waiting." in story.notes[0]


def test_the_log_is_ahead_of_the_ledger() -> None:
    """A ledger that went back to an older state is told from one whose facts are on their way."""
    floor_ = floor()
    floor_.send()
    before = floor_.standing()
    floor_.act("touch", "L1", "ana")

    assert "ahead of the ledger" in tell("L1", floor_.of(), before, floor_.moment).notes[0]


def test_opened_again_and_not_published_yet() -> None:
    """A lead that the ledger has opened again and that waits is not taken for a ledger that went back."""
    floor_ = floor()
    floor_.send()
    floor_.act("touch", "L1", "ana")
    before = floor_.of()
    floor_.come("ana", "ben", status="away")
    floor_.send()
    story = tell("L1", before, floor_.standing(), floor_.moment)

    assert (story.now.state, floor_.standing().state) == ("touched", "waiting")
    assert "behind the ledger" in story.notes[0]


def test_the_ledger_does_not_know_the_lead() -> None:
    """What only the log has is told, with a word that the ledger lacks it."""
    floor_ = floor()
    floor_.send()
    story = floor_.told(by_ledger=False)

    assert turns(story) == [(1, "ana", [])]
    assert not story.now.agrees
    assert "does not know this lead" in story.notes[0]


def test_only_a_test_is_unknown_to_the_ledger_by_right() -> None:
    """A test submission goes past the ledger; any other decision that the ledger lacks is worth a word."""
    floor_ = floor()
    floor_.send(to="nurture", route=None, sla=None, stage="lead")
    assert not floor_.told(by_ledger=False).now.agrees
    test = [_with(one, test=True) for one in floor_.of()]
    story = tell("L1", test, None, floor_.moment)
    assert (story.now.state, story.now.agrees, story.notes) == ("not_open", True, ())


def test_a_lost_unassignment() -> None:
    """Two assignments in a row, as a log with a gap has them, are two attempts, and the first is over."""
    floor_ = floor()
    floor_.send()
    floor_.act("decline", "L1", "ana")
    gap = [one for one in floor_.of() if not isinstance(one.data, LeadUnassigned)]
    story = tell("L1", gap, floor_.standing(), floor_.moment)

    assert [(one.rep_id, one.over) for one in story.attempts] == [("ana", True), ("ben", False)]


def test_half_of_a_change_is_on_the_log() -> None:
    """With a decline there and what followed not yet, the lead is with nobody."""
    floor_ = floor()
    floor_.send()
    floor_.act("decline", "L1", "ana")
    half = [one for one in floor_.of() if not (isinstance(one.data, LeadAssigned) and one.data.attempt > 1)]
    story = tell("L1", half, floor_.standing(), floor_.moment)

    assert (story.now.state, story.now.rep_id, story.now.agrees) == ("unassigned", None, False)


def test_the_beginning_is_past_retention() -> None:
    """A log that has only the end tells that end, and that the beginning is gone."""
    floor_ = floor()
    floor_.send()
    floor_.act("decline", "L1", "ana")
    floor_.wait(3)
    floor_.act("touch", "L1", "ben")
    end = [one for one in floor_.of() if isinstance(one.data, LeadTouched)]
    story = tell("L1", end, floor_.standing(), floor_.moment)

    assert turns(story) == [(2, "ben", [("touched", "ben", None)])]
    assert story.now.agrees
    assert "no longer has this lead's first attempts" in story.notes[0]


def test_old_notifications_are_gone() -> None:
    """Once the lead is older than notifications are kept, the story says that some may be missing."""
    floor_ = floor()
    floor_.send()
    floor_.act("touch", "L1", "ana")
    assert floor_.told().notes == ()
    floor_.now += int(KEPT.total_seconds() * 1000) + 5_000
    assert floor_.told().notes == ("Notifications are kept for 7 days: older ones are not here.",)


def test_unreadable_records_are_counted() -> None:
    """A record of the lead that could not be read is not passed over in silence."""
    assert "2 records of this lead could not be read" in tell("L1", [], None, floor().moment, unread=2).notes[0]


def test_nothing_personal() -> None:
    """The story as JSON has ids, and neither name, address, number nor message, though notifications carry them."""
    floor_ = floor()
    floor_.send()
    floor_.wait(301)
    floor_.send()
    floor_.act("touch", "L1", "ben")
    text = orjson.dumps(as_json(floor_.told())).decode()

    assert "sla_breach" in text
    assert [value for value in PERSONAL.values() if value in text] == []


def test_json_is_as_on_the_wire() -> None:
    """Instants are RFC 3339 in milliseconds, and a decision has the fields of its event."""
    floor_ = floor()
    floor_.send()
    answer = as_json(floor_.told())

    assert answer["now"]["touch_by"] == "2026-03-02T14:05:00.002Z"
    assert answer["decisions"][0]["decision"]["submitted_at"] == "2026-03-02T14:00:00.002Z"
    assert answer["decisions"][0]["decision"]["reasons"] == ["Asked for a demo", "SQL: decides, and fits"]
    assert answer["attempts"][0]["candidates"][0] == {
        "rep_id": "ana", "eligible": True, "code": "eligible", "reason": "ana can take the lead now"
    }  # fmt: skip


# --- any history ------------------------------------------------------------------------------------------------------

REPS = st.sampled_from(["ana", "ben"])
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([None, 40]), st.sampled_from(["sql", "iql", "lead", "rejected"])),
        st.tuples(st.sampled_from(["accept", "decline", "touch", "release"]), REPS, st.none()),
        st.tuples(st.just("come"), REPS, st.sampled_from(["available", "busy", "away"])),
        st.tuples(st.just("close"), st.sampled_from(["won", "lost", "disqualified"]), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([1, 35, 170, 400]), st.none()),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(HAPPENINGS)
def test_any_history_ends_where_the_ledger_is(happenings: list[tuple[str, Any, Any]]) -> None:
    """Whatever happens to a lead, its story ends as the ledger has it, leaves nothing out, and adds up."""
    floor_ = floor(max_attempts=3)
    floor_.send(accept_within=40)
    for what, first, second in happenings:
        _happen(floor_, what, first, second)
    story = floor_.told()

    assert story.now.agrees, story.notes
    assert story.notes == ()
    assert all(turn.adds_up for run in story.clocks for turn in run.turns)
    assert sum(not one.over for one in story.attempts) == (story.now.state in ("held", "accepted"))
    assert sum(one.until is None for one in story.waits) == (story.now.state == "waiting")
    assert len(story.attempts) == story.now.attempt
    known = {(one.attempt, one.rep_id) for one in story.attempts}
    assert known == {(one.data.attempt, one.data.rep_id) for one in floor_.of() if isinstance(one.data, LeadAssigned)}
    assert as_json(story)["lead_id"] == "L1"


def _happen(floor_: Telling, what: str, first: Any, second: Any) -> None:  # noqa: ANN401 - as drawn
    match what:
        case "send" if second in ("lead", "rejected"):
            floor_.send(stage=second, to="nurture" if second == "lead" else "none", route=None, sla=None)
        case "send":
            floor_.send(accept_within=first, stage=second, priority=20 if second == "sql" else 10)
        case "come":
            floor_.come(first, status=second)
        case "close":
            floor_.close("L1", first)
        case "wait":
            floor_.wait(first)
        case _:
            floor_.act(what, "L1", first)


def _with(event: Event, **data: object) -> Event:
    """Return the event with other data."""
    return replace(event, data=event.data.model_copy(update=data))
