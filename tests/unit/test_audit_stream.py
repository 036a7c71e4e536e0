"""The auditor follows a history as it comes: late, repeated, in any order, from its middle on; it forgets the past."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.domain.audit import Auditor, Observed, Report, Roster, RosterRep, Tolerance, Window
from router.domain.audit.memory import Memory
from tests.unit.audit_rehearsal import Rehearsal
from tests.unit.audit_story import START, Story, kind, stamp
from tests.unit.audit_world import LENGTH, World, policies
from tests.unit.audit_world import START as WORLD_START

SETTLE = timedelta(seconds=1)
READ_LATE = timedelta(seconds=2)
"""By how much records are shown out of order."""

TAKES = timedelta(milliseconds=400)
"""How long the rehearsed router takes for anything."""

Change = Callable[[Story], Sequence[Observed]]


@pytest.fixture(scope="module")
def roster_and_policies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Roster, tuple[object, object]]:
    """Two policies that follow one another, and who may take leads by either."""
    both = policies(Path(tmp_path_factory.mktemp("policies")))
    return Roster.of(*both), both


@given(seed=st.integers(0, 1 << 32), cut=st.floats(0, 1), whole=st.booleans(), certain=st.sampled_from((0, 0.5, 1)))
@settings(max_examples=60, deadline=None)
def test_whatever_the_ledger_does_breaks_nothing(
    roster_and_policies: tuple[Roster, tuple[object, object]], seed: int, cut: float, *, whole: bool, certain: float
) -> None:
    """
    Random histories of the ledger's model, shown late, twice, in another order, cut at any start: no violation.

    * **certain** - the share of looks that judge with certainty.
    """
    roster, (first, second) = roster_and_policies
    run = World(seed, first, second).play()  # type: ignore[arg-type] # the policies of the fixture
    since = None if whole else WORLD_START + LENGTH * cut

    report = shown(run, roster, random.Random(seed), since, certain=certain)  # noqa: S311 - a test draws by lot

    assert [str(violation) for violation in report.violations] == []
    if whole:
        assert report.counts.by_to == {**report.counts.by_to, **_decisions(run)}


def shown(run: Rehearsal, roster: Roster, lot: random.Random, since: datetime | None, *, certain: float) -> Report:
    """Show a run to an auditor that forgets soon, and judge on the way."""
    auditor = Auditor(
        roster,
        tolerance=Tolerance(settle=SETTLE, presence_since=since),
        window=Window(since, timedelta(seconds=20)),
    )
    records = [one for one in run.records if since is None or at(one) >= since - timedelta(seconds=5)]
    records += [again(one, lot) for one in records if one.ce_id and lot.random() < 0.1]
    late = [(at(one) + READ_LATE * lot.random(), place, one) for place, one in enumerate(records)]
    for now, _, record in sorted(late, key=lambda one: one[:2]):
        auditor.see(record)
        if lot.random() < 0.3:
            auditor.advance(now - READ_LATE - TAKES, certain=lot.random() < certain)
    decided = [one.data for one in run.records if one.ce_type == "lead.decided.v1" and one.data]
    auditor.advance(run.now - READ_LATE, certain=lot.random() < certain)
    auditor.resolve(
        {("submission", one["submission_id"]) for one in decided} | {("lead", one["lead_id"]) for one in decided}
    )
    return auditor.finish(run.now, strict_end=False)


def at(record: Observed) -> datetime:
    """Return when a record was written."""
    assert record.written_at is not None
    return record.written_at


def again(record: Observed, lot: random.Random) -> Observed:
    """Return the record published again, some time later."""
    later = at(record) + timedelta(seconds=30) * lot.random()
    return replace(record, offset=100_000 + record.offset, written_at=later)


def _decisions(run: Rehearsal) -> dict[str, int]:
    found: dict[str, int] = {}
    for record in run.records:
        if record.ce_type == "lead.decided.v1" and record.data and not record.data["test"]:
            found[record.data["to"]] = found.get(record.data["to"], 0) + 1
    return found


@pytest.fixture
def story() -> Story:
    """Ana has one lead accepted and touched; Ben, who came later, one that breached and was called late."""
    story = Story({"ana": 1, "ben": 1, "cid": 1})
    story.presence("ana", "available")
    story.wait(60)
    story.submit("kim")
    story.wait(1)
    story.act("ana", "kim", "accept")
    story.wait(1)
    story.act("ana", "kim", "touch")
    story.wait(60)
    story.presence("ana", "busy")
    story.presence("ben", "available")
    story.wait(60)
    story.submit("lou")
    story.wait(400)
    story.act("ben", "lou", "touch")
    story.poison()
    story.wait(60)
    return story


def called_twice(story: Story) -> Sequence[Observed]:
    """Return the records with the first notification a second time, under another id, a moment later."""
    note = story.as_written(story.first("notification.requested.v1"))
    data = {**(note.data or {}), "notification_id": "other"}
    return [*story.records, replace(note, offset=1_000, ce_id="other", data=data)]


BREAKS: dict[str, tuple[int, Change]] = {
    "a lost decision": (1, lambda s: s.without(kind("lead.decided.v1"))),
    "a lost dead letter": (1, lambda s: s.without(kind("event.rejected.v1"))),
    "a lost assignment": (1, lambda s: s.without(lambda r: r.ce_id == "seq-1")),
    "a touch without effect": (1, lambda s: s.without(lambda r: r.ce_type in {"lead.touched.v1", "sla.met.v1"})),
    "a shared sequence": (1, lambda s: s.with_extra(s.first("lead.touched.v1"), "other")),
    "a second owner": (2, lambda s: s.with_extra(s.first("lead.assigned.v1"), "x", sequence=6, rep_id="cid")),
    "an attempt that goes back": (2, lambda s: s.changed(lambda r: r.ce_id == "seq-2", attempt=0)),
    "more than there is room for": (3, lambda s: s.changed(lambda r: r.ce_id == "seq-4", rep_id="nobody-free")),
    "somebody who had left": (4, lambda s: s.changed(lambda r: r.ce_id == "seq-4", rep_id="ana")),
    "a clock that never ended": (5, lambda s: s.without(kind("sla.met.v1"))),
    "a breach that was not told": (5, lambda s: s.without(kind("sla.breached.v1"))),
    "a breach recorded late": (5, lambda s: s.changed(kind("sla.breached.v1"), at=stamp(s.now))),
    "one id that says two things": (
        7,
        lambda s: s.with_extra(s.first("sla.met.v1"), s.first("sla.met.v1").ce_id, due_at=stamp(s.now)),
    ),
    "two decisions": (7, lambda s: s.with_extra(s.first("lead.decided.v1"), "x", decision_id="x")),
    "two calls for one assignment": (7, called_twice),
}


@pytest.mark.parametrize(("promise", "change"), BREAKS.values(), ids=BREAKS.keys())
def test_what_is_wrong_is_told_while_it_is_followed(story: Story, promise: int, change: Change) -> None:
    """A break of each kind is told by an auditor that only follows, before anybody asks it for a report."""
    room = {"ana": RosterRep(1), "ben": RosterRep(1), "cid": RosterRep(1), "nobody-free": RosterRep(0)}
    auditor = Auditor(Roster(room))
    story.follow(auditor, change(story))
    auditor.advance(story.now + timedelta(seconds=30))

    told = auditor.told.take()
    assert promise in {violation.promise for violation in told}, [*map(str, told)]
    auditor.advance(story.now + timedelta(seconds=60))
    assert len(auditor.told.take()) == 0, "told once"


@pytest.mark.parametrize(("promise", "change"), BREAKS.values(), ids=BREAKS.keys())
def test_what_seemed_wrong_is_told_by_the_first_certain_look(story: Story, promise: int, change: Change) -> None:
    """A break of each kind that an auditor passes while it catches up is told once it is sure, and then forgotten."""
    room = {"ana": RosterRep(1), "ben": RosterRep(1), "cid": RosterRep(1), "nobody-free": RosterRep(0)}
    late, straight = Auditor(Roster(room)), Auditor(Roster(room))
    for record in sorted(map(story.as_written, change(story)), key=at):
        for auditor in (late, straight):
            auditor.see(record)
    end = story.now + timedelta(seconds=30)
    late.advance(end, certain=False)
    late.advance(end)
    straight.advance(end)

    told = {violation.promise for violation in late.told.take()}
    assert promise in told
    assert told == {violation.promise for violation in straight.told.take()}
    assert (late.retained, late.open_cases) == (straight.retained, straight.open_cases)
    late.advance(end + timedelta(seconds=30))
    assert late.told.take() == [], "told once"


def test_what_only_seemed_wrong_is_not_told(story: Story) -> None:
    """What comes in time for the certain look excuses what the uncertain one could not understand."""
    since = START + timedelta(seconds=1)
    asked = [record for record in story.records if record.topic in {"form-submissions", "rep-actions"}]
    auditor = Auditor(story.roster, window=Window(since))
    for record in asked:
        auditor.see(story.as_written(record))
    auditor.advance(story.now + timedelta(seconds=30), certain=False)
    assert list(auditor.doubts()) == []
    for record in story.without(lambda record: record in asked):
        auditor.see(story.as_written(record))
    auditor.advance(story.now + timedelta(seconds=30))

    assert auditor.told.take() == []
    assert list(auditor.doubts()) == []
    assert auditor.open_cases == 0


def test_words_about_a_suspect_are_forgotten_again(story: Story) -> None:
    """Once the assignment is judged that seemed wrong, its rep's past is as short as anybody's."""
    auditor = Auditor(story.roster)
    for record in sorted(map(story.as_written, story.changed(lambda r: r.ce_id == "seq-4", rep_id="ana")), key=at):
        auditor.see(record)
    auditor.advance(story.now + timedelta(seconds=30), certain=False)
    auditor.advance(story.now + timedelta(seconds=30))
    held = auditor.retained
    for _ in range(100):
        story.wait(60)
        story.presence("ana", "busy")
        auditor.see(story.as_written(story.records[-1]))
    auditor.advance(story.now + timedelta(seconds=30))

    assert auditor.retained <= held + 5


def test_a_correct_story_tells_nothing_and_leaves_little(story: Story) -> None:
    """When everything is over, the auditor holds what reps may do next and no case."""
    auditor = Auditor(story.roster, window=Window(keep_ids=timedelta(days=8)))
    story.follow(auditor, story.records)
    auditor.advance(story.now)

    assert auditor.told.take() == []
    assert auditor.open_cases == 0


def test_a_gap_is_a_loss_only_when_it_has_lasted(story: Story) -> None:
    """An event that comes some seconds after a later one fills its place; one that never comes is told."""
    first, second = story.first("lead.assigned.v1"), story.first("lead.accepted.v1")
    early = [one for one in story.records if one not in (first, second)][:6]
    for missing in (False, True):
        auditor = Auditor(story.roster)
        for one in (*early, second):
            auditor.see(one)
        auditor.advance(story.now if missing else START + timedelta(seconds=62))
        auditor.see(first)
        auditor.advance(story.now)
        assert any("sequence 1 is missing" in str(one) for one in auditor.told.take()) == missing


def test_a_late_word_that_a_newer_heartbeat_overtook_accuses_nobody(story: Story) -> None:
    """The ledger ignores what is older than the newest word, and only the partitions know which came first."""
    story.presence("ana", "available")
    story.wait(20)
    beat_at, away_at = story.now, story.now - timedelta(seconds=5)
    beat = {"rep_id": "ana", "status": "available", "at": stamp(beat_at), "ttl_seconds": 0, "heartbeat": True}
    away = {"rep_id": "ana", "status": "away", "at": stamp(away_at), "ttl_seconds": 0}
    late = beat_at + timedelta(seconds=1)
    extra = [
        Observed("rep-presence", 1, 1, "rep.presence.v1", None, beat, beat_at),
        Observed("rep-presence", 2, 1, "rep.presence.v1", None, away, late),
    ]
    story.wait(30)
    story.presence("ben", "busy")
    story.submit("max")
    story.finish()

    assert story.audited([*story.records, *extra]).holds
    without_beat = story.audited([*story.records, extra[1]])
    assert {violation.promise for violation in without_beat.violations} == {4}


def test_what_was_before_the_start_is_not_judged(story: Story) -> None:
    """From its middle on, a lead that was held before is no second owner; a repeat is looked up, not accused."""
    since = START + timedelta(seconds=61, milliseconds=500)
    story.put("form-submissions", None, None, story.records[1].data)
    story.wait(30)
    auditor = Auditor(story.roster, tolerance=Tolerance(presence_since=since), window=Window(since))
    story.follow(auditor, [one for one in story.records if story.written[one.topic, one.offset] >= since])
    auditor.advance(story.now)

    assert auditor.told.take() == []
    assert set(auditor.doubts()) == {("submission", "sub-1"), ("lead", "lead-kim")}
    auditor.resolve([("lead", "lead-kim")])
    [told] = auditor.told.take()
    assert "sub-1 has no decision" in str(told)


def test_memory_is_bounded_by_what_is_open() -> None:
    """After forty thousand events of leads that are over, no more is held than after ten thousand."""
    held = []
    auditor = Auditor(Roster({"ana": RosterRep(1)}), window=Window(keep_ids=timedelta(days=8)))
    seen = 0
    for number, record in enumerate(lives(40_000)):
        auditor.see(record)
        if number % 1_000 == 999:
            auditor.advance(at(record) - timedelta(seconds=10))
        if number in (9_999, 39_999):
            held.append((auditor.retained, auditor.open_cases))
        seen = number
    assert seen == 39_999
    assert auditor.told.take() == []
    assert held[1][1] <= held[0][1] + 10
    assert held[1][0] <= held[0][0] + 10


def lives(events: int) -> Iterable[Observed]:
    """Yield so many events of leads that come, are called within the second, and are over."""
    story = Story({"ana": 1})
    story.presence("ana", "available")
    yield from _taken(story)
    count = 1
    person = 0
    while True:
        person += 1
        story.leads.clear()
        story.written.clear()
        story.submit(f"person-{person}")
        story.wait(1)
        story.act("ana", f"person-{person}", "touch")
        story.wait(5)
        for record in _taken(story):
            count += 1
            yield record
            if count == events:
                return


def _taken(story: Story) -> Sequence[Observed]:
    taken = [story.as_written(record) for record in story.records]
    story.records.clear()
    return taken


def test_a_memory_forgets_in_time_and_says_so() -> None:
    """What was put is known with its number until it is too old; a memory that has forgotten says so."""
    memory = Memory(timedelta(hours=1), page=10)
    for number in range(100):
        memory.grow_old(START + timedelta(minutes=number))
        memory.put(f"id-{number}", number)

    assert [memory.get(f"id-{number}") for number in (50, 99)] == [50, 99]
    assert memory.get("id-3") is None
    assert memory.forgetful
    assert len(memory) < 80
