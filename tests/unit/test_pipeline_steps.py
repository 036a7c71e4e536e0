"""The steps, each by what it does to an event: refused, looked up, remembered, placed; and twice is once."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from router.domain.ledger.state import Ledger as State
from router.errors import DependencyDown
from router.events.base import rfc3339
from router.pipeline import PIPELINE, bind
from router.pipeline.install import install
from router.pipeline.work import Work
from router.ports import Lookup, Received
from tests.unit.pipeline_floor import COMPANIES, ENRICHED, SIMPLE, Floor
from tests.unit.policy_text import change, load


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    """Give a floor with ana and ben available."""
    return await Floor(load(tmp_path, SIMPLE).policy, "ana", "ben").open()


@pytest.fixture
async def enriched(tmp_path: Path) -> Floor:
    """Give one whose policy looks companies up."""
    return await Floor(load(tmp_path, ENRICHED, companies_csv=COMPANIES).policy, "ana").open()


NUMBER = 'lead.phone == "+14155552671"'


@pytest.mark.parametrize(
    "policy",
    [
        change("company.employees >= 5000'}", f"company.employees >= 5000'}}\n  - {{tag: known, when: '{NUMBER}'}}"),
        change("match: 'lead.language in rep.languages'", f"match: '{NUMBER}'"),
        change("- {pool: bens}", f"- {{pool: bens, match: '{NUMBER}'}}"),
    ],
)
async def test_a_number_is_read_where_a_rule_asks_for_it(tmp_path: Path, policy: str) -> None:
    """A tag or a match may name the number of a person whom their address identifies."""
    floor = Floor(load(tmp_path, policy).policy)
    work = Work(floor.record("form-submissions", {**GOOD, "phone": "(415) 555-2671", "country": "US"}))
    for step in PIPELINE["form-submissions"][:2]:
        await bind(step, floor.ports)([work])
    assert work.identity is not None
    assert work.identity.phone == "+14155552671"


async def test_a_number_is_read_where_the_address_is_none(floor: Floor) -> None:
    """Who gives a wrong address and a number is known by the number."""
    work = Work(floor.record("form-submissions", {**GOOD, "email": "no address", "phone": "+1 415 555 2671"}))
    for step in PIPELINE["form-submissions"][:2]:
        await bind(step, floor.ports)([work])
    assert work.identity is not None
    assert work.identity.phone == "+14155552671"


# --- refusals ---------------------------------------------------------------------------------------------------------

GOOD = {"submission_id": "s", "submitted_at": "2026-03-02T14:00:00Z", "form": "demo", "email": "dana@acme.example"}


@pytest.mark.parametrize(
    ("topic", "value", "code"),
    [
        ("form-submissions", b"{", "malformed_json"),
        ("form-submissions", b"", "malformed_json"),
        ("form-submissions", b"[]", "malformed_json"),
        ("form-submissions", {"submission_id": "s"}, "schema"),
        ("form-submissions", {**GOOD, "email": "no address"}, "schema"),
        ("form-submissions", {**GOOD, "email": None, "phone": "12345678"}, "schema"),
        ("form-submissions", {**GOOD, "submitted_at": "2026-03-02T14:00:00"}, "schema"),
        ("form-submissions", {**GOOD, "message": "x" * 300_000}, "too_large"),
        ("form-submissions", {"specversion": "1.0", "type": "lead.activity.v1", "data": GOOD}, "unknown_type"),
        ("lead-activities", {"activity_id": "a", "at": "2026-03-02T14:00:00Z", "kind": "page_view"}, "schema"),
        ("rep-presence", {"rep_id": "ana", "status": "lunch", "at": "2026-03-02T14:00:00Z"}, "schema"),
        ("rep-presence", {"rep_id": "zoe", "status": "away", "at": "2026-03-02T14:00:00Z"}, "unknown_rep"),
        (
            "lead-outcomes",
            {"outcome_id": "o", "lead_id": "x", "outcome": "won", "at": "2026-03-02T14:00:00Z"},
            "unknown_lead",
        ),
    ],
)
async def test_an_event_that_can_never_be_processed_is_one_dead_letter(
    floor: Floor, topic: str, value: Mapping[str, Any] | bytes, code: str
) -> None:
    """Its code says why, its neighbours in the batch go on, and the letter quotes nothing of it in its detail."""
    floor.clock.advance(seconds=1)
    good = {"form-submissions": floor.submission(7), "rep-presence": floor.presence("ana", "busy")}.get(topic)
    events = [value] if good is None else [good, value]
    record = floor.record(topic, value)
    await floor.send(topic, *events[:-1], record)
    assert floor.rejected() == [(code, record.offset)]
    assert "dana" not in floor.log.on("dead-letters")[0]["detail"]
    if topic == "form-submissions":
        assert [row["submission_id"] for row in floor.decisions()] == ["s7"]
    if topic == "rep-presence":
        assert floor.ledger.state.reps["ana"].status == "busy"
    floor.check()


async def test_an_action_of_a_stranger_or_about_nothing_is_refused(floor: Floor) -> None:
    """`unknown_lead` is for ids never seen, `unknown_rep` for reps that the configuration never had."""
    await floor.send("form-submissions", floor.submission(1))
    lead = floor.lead(1)
    await floor.send(
        "rep-actions",
        floor.action(1, "nothing", "ana", "touch"),
        floor.action(2, lead, "zoe", "touch"),
        floor.action(3, lead, "ana", "touch", channel="call"),
    )
    assert [code for code, _ in floor.rejected()] == ["unknown_lead", "unknown_rep"]
    assert "lead.touched.v1" in floor.log.types("lead-assignments")


async def test_an_outcome_of_a_lead_that_was_for_nurture_is_no_error(floor: Floor) -> None:
    """It was decided and is not open: recorded, nothing else."""
    await floor.send("form-submissions", floor.submission(1, form="ebook", email="dana@gmail.com"))
    at = rfc3339(floor.clock.now())
    await floor.send("lead-outcomes", {"outcome_id": "o", "lead_id": floor.lead(1), "outcome": "won", "at": at})
    assert floor.rejected() == []


# --- looking companies up ---------------------------------------------------------------------------------------------


async def test_companies_are_looked_up_by_their_registrable_domain(enriched: Floor) -> None:
    """One call for a batch; a hit, a miss, and nothing to look up."""
    asked: list[set[str]] = []

    class Watched:
        def lookup(self, domains: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
            asked.append(set(domains))
            return enriched.enricher.lookup(domains)

    enriched.ports["enricher"] = Watched()
    await enriched.send(
        "form-submissions",
        enriched.submission(1, email="dana@mail.acme.example"),
        enriched.submission(2),
        enriched.submission(3, email="bo@unknown.example"),
        enriched.submission(4, email="cy@gmail.com"),
    )
    assert asked == [{"acme.example", "unknown.example"}]
    found = {row["submission_id"]: row["enrichment"] for row in enriched.decisions()}
    assert [found[f"s{n}"]["status"] for n in (1, 2, 3, 4)] == ["matched", "matched", "missed", "skipped"]
    assert (found["s1"]["source"], found["s1"]["fields"]["employees"]) == ("memory", 1200)


async def test_a_domain_that_could_not_be_looked_up_is_degraded(enriched: Floor) -> None:
    """A source that answers for some leaves out the others."""

    class Partial:
        async def lookup(self, _: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
            yield {"acme.example": Lookup({"employees": 1200}, "partial")}

    enriched.ports["enricher"] = Partial()
    await enriched.send("form-submissions", enriched.submission(1), enriched.submission(2, email="bo@other.example"))
    assert [row["enrichment"]["status"] for row in enriched.decisions()] == ["matched", "degraded"]


async def test_an_enricher_that_is_down_delays_nobody(enriched: Floor) -> None:
    """Its outage is no reason to wait: the decision goes ahead on the form, and what was told before it counts."""

    class Down:
        async def lookup(self, _: Collection[str]) -> AsyncIterator[Mapping[str, Lookup]]:
            yield {"acme.example": Lookup({"employees": 1200}, "down")}
            raise DependencyDown("firmographics do not answer")

    enriched.ports["enricher"] = Down()
    await enriched.send("form-submissions", enriched.submission(1), enriched.submission(2, email="bo@other.example"))
    assert [row["enrichment"]["status"] for row in enriched.decisions()] == ["matched", "degraded"]


async def test_without_a_source_nothing_is_looked_up(floor: Floor) -> None:
    """The form alone decides, and says so."""
    await floor.send("form-submissions", floor.submission(1))
    assert [row["enrichment"]["status"] for row in floor.decisions()] == ["skipped"]


# --- behaviour --------------------------------------------------------------------------------------------------------


def activity(floor: Floor, number: int, kind: str = "webinar", **who: str) -> dict[str, str]:
    """Return something that somebody did just now."""
    return {"activity_id": f"v{number}", "at": rfc3339(floor.clock.now()), "kind": kind, **who}


async def test_behaviour_of_the_person_and_of_the_company_counts(floor: Floor) -> None:
    """By address, however it was typed, and by the company's domain; unknown kinds count nothing."""
    await floor.send(
        "lead-activities",
        activity(floor, 1, email="Dana1@ACME.example"),
        activity(floor, 2, domain="www.acme.example"),
        activity(floor, 3, "dance", email="dana1@acme.example"),
        activity(floor, 4, email="other@acme.example"),
    )
    await floor.send("form-submissions", floor.submission(1))
    assert [row["engagement"]["score"] for row in floor.decisions()] == [60]


async def test_the_same_activity_counts_once(floor: Floor) -> None:
    """However often it is delivered, in one batch or in two."""
    seen = activity(floor, 1, email="dana1@acme.example")
    await floor.send("lead-activities", seen, seen)
    await floor.send("lead-activities", seen)
    await floor.send("form-submissions", floor.submission(1))
    assert [row["engagement"]["score"] for row in floor.decisions()] == [30]


@pytest.mark.parametrize("turned", [False, True])
async def test_the_same_activity_counts_once_whoever_it_is_told_of(floor: Floor, turned: bool) -> None:
    """Known by the address and by the company's domain, it counts as the person's, whichever came first."""
    told = [
        activity(floor, 1, "webinar", email="dana1@acme.example"),
        activity(floor, 1, "page_view", domain="acme.example"),
        activity(floor, 2, "page_view", domain="acme.example"),
    ]
    await floor.send("lead-activities", *(reversed(told) if turned else told))
    await floor.send("form-submissions", floor.submission(1))
    assert [row["engagement"]["score"] for row in floor.decisions()] == [31]


async def test_a_policy_without_points_asks_for_no_behaviour(tmp_path: Path) -> None:
    """And does not wait for a Redis that is away."""
    text = change("engagement:\n  half_life: 14d\n  mql_at: 50\n  points: {page_view: 1, webinar: 30}\n", "", SIMPLE)
    floor = await Floor(load(tmp_path, text).policy, "ana").open()
    floor.activities.outage.left = 99
    await floor.send("form-submissions", floor.submission(1))
    assert [row["engagement"]["score"] for row in floor.decisions()] == [0]


# --- the ledger -------------------------------------------------------------------------------------------------------


async def test_a_test_submission_reaches_neither_ledger_nor_anybody(floor: Floor) -> None:
    """It is decided as it would have been; the real one after it is the first."""
    state = copy.deepcopy(floor.ledger.state)
    await floor.send("form-submissions", floor.submission(1, test=True))
    assert floor.ledger.state == state
    assert {record.topic for record in floor.log.records} == {"lead-decisions"}
    assert [(row["test"], row["to"]) for row in floor.decisions()] == [(True, "sales")]
    await floor.send("form-submissions", floor.submission(2, email="dana1@acme.example"))
    assert [row["to"] for row in floor.decisions()] == ["sales", "sales"]
    floor.check()


async def test_a_ledger_that_was_made_anew_is_told_its_audiences_again(floor: Floor) -> None:
    """The worker believes that it knows them; the lead is placed all the same, in the same batch."""
    await floor.send("form-submissions", floor.submission(1))
    assert floor.in_force.known_audiences
    floor.ledger.state = State()
    await floor.ledger.apply([install(floor.in_force.policy, (), floor.clock.now())])
    floor.clock.advance(seconds=1)
    await floor.send("rep-presence", floor.presence("ana"))
    await floor.send("form-submissions", floor.submission(2), floor.submission(3, form="ebook"))
    assert [row["to"] for row in floor.decisions()] == ["sales", "sales", "nurture"]
    assert floor.log.types("lead-assignments")[-1] == "lead.assigned.v1"
    assert floor.rejected() == []


async def test_a_repeat_is_attached_and_its_rep_hears_of_it(floor: Floor) -> None:
    """The ledger settles `to`, and the decision says why."""
    await floor.send("form-submissions", floor.submission(1))
    await floor.send("form-submissions", floor.submission(2, email="dana1@acme.example", form="ebook"))
    assert [row["to"] for row in floor.decisions()] == ["sales", "attached"]
    assert "goes to the rep who has it" in " ".join(floor.decisions()[1]["reasons"])
    assert [row["kind"] for row in floor.log.on("rep-notifications")] == ["assigned", "repeat"]


async def test_a_trace_goes_on_in_what_follows(floor: Floor) -> None:
    """All that one submission brings about carries its traceparent."""
    trace = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    record = floor.record("form-submissions", floor.submission(1))
    headers = {"traceparent": trace}
    traced = Received(record.topic, 0, record.offset, None, record.value, headers, record.received_at)
    await floor.send("form-submissions", traced)
    assert len(floor.log.records) == 3
    assert {record.headers["traceparent"] for record in floor.log.records} == {trace}


# --- twice is once ----------------------------------------------------------------------------------------------------


def day(floor: Floor) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return batches of every topic, as they follow each other."""
    at = rfc3339(floor.clock.now())
    leads = [f"@s{number}" for number in (1, 2, 3)]
    return [
        ("lead-activities", [activity(floor, 1, email="dana1@acme.example")]),
        ("form-submissions", [floor.submission(number) for number in (1, 2, 3)]),
        ("form-submissions", [floor.submission(4, email="dana1@acme.example"), floor.submission(5, form="ebook")]),
        ("rep-actions", [floor.action(1, leads[0], "ana", "accept"), floor.action(2, leads[1], "ana", "touch")]),
        ("rep-actions", [floor.action(3, leads[2], "ben", "decline"), floor.action(4, leads[0], "ben", "accept")]),
        ("lead-outcomes", [{"outcome_id": "o", "lead_id": leads[0], "outcome": "won", "at": at}]),
        ("rep-presence", [floor.presence("ana", "away")]),
    ]


async def play(floor: Floor, times: int) -> None:
    """Send the day's batches, each *times* times."""
    for topic, events in day(floor):
        floor.clock.advance(seconds=1)
        known = {f"@{row['submission_id']}": row["lead_id"] for row in floor.decisions()}
        records = [
            floor.record(topic, {**event, "lead_id": known[event["lead_id"]]} if "lead_id" in event else event)
            for event in events
        ]
        for _ in range(times):
            await floor.send(topic, *records)


async def test_every_batch_twice_is_every_batch_once(tmp_path: Path) -> None:
    """The same records again: the same state, and nothing on any topic that was not there."""
    policy = load(tmp_path, SIMPLE).policy
    once, twice = await Floor(policy, "ana", "ben").open(), await Floor(policy, "ana", "ben").open()
    await play(once, 1)
    await play(twice, 2)
    assert twice.ledger.state == once.ledger.state
    assert {(r.topic, r.headers["ce_id"], r.value) for r in twice.log.records} == {
        (r.topic, r.headers["ce_id"], r.value) for r in once.log.records
    }
    assert len(once.log.records) > 12
    twice.check()


@pytest.mark.parametrize("topic", list(PIPELINE))
async def test_every_step_twice_is_the_step_once(floor: Floor, topic: str) -> None:
    """A step that is run again on what it has done already leaves the same works, up to the answer of the ledger."""
    await floor.send("form-submissions", *(floor.submission(number) for number in (1, 2, 3)))
    known = {f"@{row['submission_id']}": row["lead_id"] for row in floor.decisions()}
    events = [event for name, batch in day(floor) if name == topic for event in batch]
    placed = [{**event, "lead_id": known[event["lead_id"]]} if "lead_id" in event else event for event in events]
    works = [Work(floor.record(topic, event)) for event in placed]
    for step in PIPELINE[topic][:-1]:
        bound = bind(step, floor.ports)
        await bound(works)
        before = [
            (w.incoming, w.identity, w.company, w.engagement, w.decision, w.verb, str(w.rejection)) for w in works
        ]
        state = copy.deepcopy(floor.ledger.state)
        await bound(works)
        after = [(w.incoming, w.identity, w.company, w.engagement, w.decision, w.verb, str(w.rejection)) for w in works]
        assert (after, floor.ledger.state) == (before, state), step.__name__


async def test_a_dead_letter_comes_under_the_same_id_however_often(floor: Floor) -> None:
    """By the place of the record, so that it is one letter for one bad event."""
    record = floor.record("rep-actions", b"{")
    for _ in range(3):
        floor.clock.advance(seconds=1)
        await floor.send("rep-actions", record)
    assert len({record.headers["ce_id"] for record in floor.log.records if record.topic == "dead-letters"}) == 1


@pytest.mark.parametrize("topic", list(PIPELINE))
async def test_an_empty_batch_is_nothing(floor: Floor, topic: str) -> None:
    """No step counts on a first event."""
    before = len(floor.log.records)
    for step in PIPELINE[topic]:
        await bind(step, floor.ports)([])
    assert len(floor.log.records) == before
