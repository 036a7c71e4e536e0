"""Promise 1: nothing is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from router.domain.audit import Observed
from tests.unit.audit_story import Story, assert_only, kind, stamp


@pytest.fixture
def story() -> Story:
    """Two reps, one lead that was assigned and touched, one that went to nurture."""
    story = Story({"ana": 1, "ben": 1})
    story.presence("ana", "available")
    story.wait(60)
    story.submit("kim")
    story.submit("lou", to="nurture")
    story.wait(60)
    story.act("ana", "kim", "touch")
    story.wait(60)
    return story


def test_a_complete_history_is_fine(story: Story) -> None:
    """A history in which everything had its effect breaks nothing, at its end and while it runs."""
    assert story.audited().holds
    assert story.audited(strict_end=False).holds


def test_a_submission_without_decision_is_lost(story: Story) -> None:
    """A submission without decision and dead letter is named with its place on the topic."""
    records = story.without(lambda r: r.topic == "lead-decisions" and r.data is not None and r.data["to"] == "nurture")

    assert_only(story.audited(records), 1, "form-submissions/0@1", "sub-2", "no decision")


def test_a_young_submission_may_be_on_its_way(story: Story) -> None:
    """While the system runs a submission has some seconds to be decided; at a strict end it has none."""
    story.put("form-submissions", "form.submitted.v1", None, submission("late", stamp(story.now)))

    assert story.audited(strict_end=False).holds
    assert_only(story.audited(strict_end=True), 1, "submission late")
    story.wait(11)
    assert_only(story.audited(strict_end=False), 1, "submission late")


def submission(submission_id: str, at: str) -> dict[str, object]:
    """Return the data of a submission."""
    return {"submission_id": submission_id, "submitted_at": at, "form": "demo", "email": "max@example.com"}


def test_the_time_of_writing_decides_what_is_on_its_way(story: Story) -> None:
    """A submission that was made long ago and written just now may still be on its way."""
    old = stamp(story.now - timedelta(days=1))
    written = Observed("form-submissions", 0, 99, None, None, submission("late", old), written_at=story.now)

    assert story.audited([*story.records, written], strict_end=False).holds


def test_one_decision_does_for_all_repeats_of_a_submission(story: Story) -> None:
    """The same submission a second time needs no second decision."""
    assert story.audited(story.with_extra(story.first("form.submitted.v1"), None)).holds


def test_decided_and_rejected_is_one_answer_too_many(story: Story) -> None:
    """A submission that was decided and dead-lettered as well is a violation."""
    story.poison()
    letter = story.first("event.rejected.v1")
    records = story.with_extra(letter, "other", source_topic="form-submissions", source_offset=0, code="schema")

    assert_only(story.audited(records), 1, "form-submissions/0@0", "dead letter too")


def test_bad_input_ends_as_a_dead_letter(story: Story) -> None:
    """A record that cannot be read needs a dead letter, whatever its topic."""
    for topic in ("form-submissions", "rep-presence", "rep-actions", "lead-outcomes", "lead-activities"):
        story.poison(topic)
    assert story.audited().holds

    records = story.without(lambda r: r.ce_id == "rejected-lead-outcomes-0")
    assert_only(story.audited(records), 1, "lead-outcomes/0@0", "cannot be read")


def test_a_dead_letter_is_found_by_the_full_name_of_its_topic(story: Story) -> None:
    """With a topic prefix, dead letters name the topic with it."""
    story.poison()
    records = story.changed(kind("event.rejected.v1"), source_topic="eu.rep-actions")

    assert not story.audited(records).holds
    assert story.audited(records, topic_prefix="eu.").holds


def test_one_dead_letter_a_record(story: Story) -> None:
    """Two different dead letters of one record are one too many; the same one twice is not."""
    story.poison()
    letter = story.first("event.rejected.v1")

    assert story.audited(story.with_extra(letter, letter.ce_id, rejected_at=stamp(story.now))).holds
    assert_only(story.audited(story.with_extra(letter, "other")), 1, "rep-actions/0@1", "2 dead letters")


def test_a_lead_for_sales_is_placed(story: Story) -> None:
    """A decision for sales that no queued or assigned event follows is a lost lead."""
    records = story.changed(
        lambda r: r.topic == "lead-decisions" and r.data is not None and r.data["to"] == "nurture", to="sales"
    )

    assert_only(story.audited(records), 1, "lead lead-lou", "neither queued nor assigned")


def test_a_test_submission_is_placed_nowhere(story: Story) -> None:
    """A submission marked `test` is decided for sales and reaches no ledger."""
    story.submit("tester", test=True)

    report = story.audited()
    assert report.holds
    assert report.counts.tests == 1


def test_a_gap_in_the_sequence_is_a_loss_and_nothing_else(story: Story) -> None:
    """A missing event is told once, and not as a breach of what cannot be known without it."""
    story.presence("ben", "available")
    for person in ("max", "noa", "pia"):
        story.submit(person)
    story.finish()

    records = story.without(lambda r: r.data is not None and r.data.get("sequence") == 6)

    assert story.audited().holds
    report = story.audited(records)
    assert {violation.promise for violation in report.violations} <= {1, 5}
    assert "sequence 6 is missing" in " ".join(map(str, report.violations))


def test_two_events_with_one_sequence(story: Story) -> None:
    """A number of the sequence belongs to one event."""
    records = story.with_extra(story.first("lead.touched.v1"), "other")

    assert_only(story.audited(records), 1, "sequence 2 is on 2 different events")


def test_an_output_that_nobody_can_read(story: Story) -> None:
    """An output without a required field is told with the field's name."""
    records = story.changed(kind("sla.met.v1"), breakdown=None)

    first, *_ = story.audited(records).violations
    assert first.promise == 1
    assert "cannot be read as sla.met.v1: breakdown" in first.problem


def test_a_touch_that_stopped_nothing(story: Story) -> None:
    """A touch of a lead that still counts as untouched is lost."""
    story.submit("max")
    story.wait(1)
    touch = {"action_id": "a", "lead_id": "lead-max", "rep_id": "ben", "action": "touch", "at": stamp(story.now)}
    story.put("rep-actions", None, None, touch)
    story.wait(30)

    assert_only(story.audited(strict_end=False), 1, "lead lead-max", "ben touched it")


@pytest.mark.parametrize("action", ["accept", "decline", "release"])
def test_an_answer_of_the_holder_that_did_nothing(story: Story, action: str) -> None:
    """What the holder answers for the live attempt has an effect."""
    story.submit("max")
    answer = {"action_id": "a", "lead_id": "lead-max", "rep_id": "ana", "action": action, "at": stamp(story.now)}
    story.put("rep-actions", None, None, {**answer, "attempt": 1})
    story.wait(30)

    assert_only(story.audited(strict_end=False), 1, "lead lead-max", f"ana sent {action} for attempt 1")


def test_an_old_or_repeated_answer_may_change_nothing(story: Story) -> None:
    """An action from before the opening, and one that came twice, are no losses."""
    story.wait(600)
    story.submit("max")
    story.act("ana", "max", "accept")
    old = {"lead_id": "lead-max", "rep_id": "ana", "at": stamp(story.now - timedelta(seconds=400))}
    story.put("rep-actions", None, None, {**old, "action_id": "a", "action": "decline", "attempt": 1})
    story.put("rep-actions", None, None, {**old, "action_id": "b", "action": "touch"})
    again = story.with_extra([r for r in story.records if r.topic == "rep-actions"][1], None)

    assert story.audited(again, strict_end=False).holds


def test_a_stranger_who_answers_hears_of_it(story: Story) -> None:
    """A rep who answers for a lead that was never theirs is told so, once an action."""
    story.submit("max")
    story.act("ben", "max", "decline")
    story.finish()
    assert story.audited().holds

    records = story.without(lambda r: r.data is not None and r.data.get("kind") == "superseded")
    assert_only(story.audited(records), 1, "ben answered for it 1 times", "told 0 times")


@pytest.mark.parametrize(
    ("lead_id", "rep_id", "words"), [("lead-zoe", "ana", "never decided"), ("lead-kim", "eve", "no policy")]
)
def test_actions_about_nobody_are_dead_letters(story: Story, lead_id: str, rep_id: str, words: str) -> None:
    """An action about an unknown lead or by an unknown rep needs a dead letter."""
    action = {"action_id": "a", "lead_id": lead_id, "rep_id": rep_id, "action": "accept", "at": stamp(story.now)}
    story.put("rep-actions", None, None, action)

    assert_only(story.audited(), 1, words)


def test_presence_of_nobody_is_a_dead_letter(story: Story) -> None:
    """Presence of a rep whom no policy names needs a dead letter."""
    story.put("rep-presence", None, None, {"rep_id": "eve", "status": "available", "at": stamp(story.now)})

    assert_only(story.audited(), 1, "rep eve is in no policy")


def test_an_outcome_that_closed_nothing(story: Story) -> None:
    """A lead that was lost in the CRM and is still open is told; one that is over already is not."""
    story.outcome("kim", "won")
    story.submit("max")
    assert story.audited(strict_end=False).holds
    data = {"outcome_id": "o", "lead_id": "lead-max", "outcome": "disqualified", "at": stamp(story.now)}
    story.put("lead-outcomes", None, None, data)
    story.wait(30)

    assert_only(story.audited(strict_end=False), 1, "outcome disqualified", "closed nothing")


def test_an_outcome_of_an_unknown_lead(story: Story) -> None:
    """An outcome for an id never seen needs a dead letter."""
    data = {"outcome_id": "o", "lead_id": "lead-zoe", "outcome": "won", "at": stamp(story.now)}
    story.put("lead-outcomes", None, None, data)

    assert_only(story.audited(), 1, "lead-zoe was never decided")


def test_violations_are_bounded_in_number_and_length(story: Story) -> None:
    """However much is wrong, the report stays readable and says how much there was."""
    for number in range(300):
        story.put("form-submissions", None, None, submission(f"{number:x>128}", stamp(story.now)))

    report = story.audited()

    assert report.found == {1: 300}
    assert len(report.violations) == 200
    assert max(len(str(violation)) for violation in report.violations) < 700
