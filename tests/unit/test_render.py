"""Facts become events: each valid, always the same, under an id of its own, without personal data where none may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from router.domain.ledger.facts import fact
from router.events import TOPICS
from router.events.catalogue import catalogue
from router.pipeline.render import RENDER, render
from router.ports import Applied, Received
from tests.unit.ledger_story import START
from tests.unit.pipeline_floor import SIMPLE, WORKSPACE, Floor
from tests.unit.policy_text import change, load

PERSONAL: dict[str, Any] = {
    "email": "marker-email@acme.example", "phone": "+4755501234", "first_name": "Markerfirst",
    "last_name": "Markerlast", "message": "Markermessage, call me", "page_url": "https://x.example/?q=markerpage",
    "referrer": "https://x.example/markerreferrer", "fields": {"anything": "markerfield"}, "region": "Markerregion",
    "consent": {"text": "markerconsent"}, "utm": {"term": "markerterm"},
}  # fmt: skip
MARKERS = (b"marker", b"Marker", b"55501234")

POLICY = change(
    "fast: {first_touch: 5m, warn_at: [0.5, 0.8], on_breach: [notify_manager]}",
    "fast: {first_touch: 5m, warn_at: [0.5, 0.8], on_breach: [notify_manager, reassign]}",
    change(
        "{id: ben,",
        "{id: ben, manager: mia,",
        change("calendar: office, ", "", change("{max_age: 7d}", "{max_age: 7d, max_attempts: 2}", SIMPLE)),
    ),
)
"""Ana is always working here, a breach moves the lead on, and two attempts are all."""


async def eventful(folder: Path) -> Floor:
    """Play a day on which everything happens that the ledger has a fact for."""
    floor = await Floor(load(folder, POLICY).policy, "ana").open()
    asked: tuple[dict[str, Any], ...] = (PERSONAL, {}, {}, {}, {"form": "ebook", "employees": 5})
    for number, more in enumerate(asked, start=1):
        await floor.send("form-submissions", floor.submission(number, **more))
    await floor.send("form-submissions", floor.submission(6, **PERSONAL))  # again: attached
    leads = {number: floor.lead(number) for number in range(1, 6)}
    await floor.send(
        "rep-actions",
        floor.action(1, leads[1], "ana", "accept"),
        floor.action(2, leads[2], "ben", "decline", reason="Markerfirst is my neighbour"),  # not his: superseded
    )
    await floor.tick(seconds=40)
    await floor.send("rep-presence", floor.presence("ben"))
    await floor.tick(seconds=290)  # offers run out, ana and ben are set away, warnings, breaches
    at = floor.submission()["submitted_at"]
    floor.clock.advance(seconds=1)
    await floor.send("rep-presence", floor.presence("ana"), floor.presence("ben"))
    await floor.send(
        "rep-actions",
        floor.action(3, leads[1], "ana", "touch", channel="call"),
        floor.action(4, leads[2], "ben", "touch", at=at),
    )
    await floor.send("form-submissions", floor.submission(7))
    await floor.send("rep-actions", floor.action(5, floor.lead(7), "ana", "touch"))
    await floor.send("form-submissions", floor.submission(8), floor.submission(9))
    outcome = {"outcome_id": "o", "outcome": "lost", "at": at, "reason": "Markerlast went elsewhere"}
    await floor.send("lead-outcomes", *({**outcome, "outcome_id": f"o{n}", "lead_id": floor.lead(n)} for n in (8, 9)))
    await floor.send("rep-actions", b'{"rep_id": "markerbroken"')
    await floor.tick(seconds=3_600)
    return floor


@pytest.fixture
async def floor(tmp_path: Path) -> Floor:
    """Give the floor after the eventful day."""
    return await eventful(tmp_path)


async def test_every_fact_is_a_valid_event_under_an_id_of_its_own(floor: Floor) -> None:
    """Every type that the ledger brings about came up, fits its model, and no id stands for two things."""
    floor.check()
    seen = {record.headers["ce_type"].decode() for record in floor.log.records}
    ours = [t for name in ("lead-decisions", "lead-assignments", "sla-events", "rep-presence") for t in TOPICS[name]]
    assert seen >= {*ours, "notification.requested.v1", "event.rejected.v1"}
    kinds = {row["kind"] for row in floor.log.on("rep-notifications")}
    assert kinds == {
        "assigned", "reminder", "unassigned", "repeat", "superseded", "sla_warning", "sla_breach", "no_rep_available"
    }  # fmt: skip


async def test_the_key_is_what_the_contract_says(floor: Floor) -> None:
    """Recipient, rep or lead; the subject is the same."""
    field = {
        "rep-presence": "rep_id",
        "lead-decisions": "lead_id",
        "lead-assignments": "lead_id",
        "sla-events": "lead_id",
    }
    for record in floor.log.records:
        data = orjson.loads(record.value or b"")
        if record.topic == "rep-notifications":
            assert record.key == data["recipient"]["id"].encode()
        elif record.topic in field:
            assert record.key == record.headers["ce_subject"] == data[field[record.topic]].encode()


async def test_sequence_has_no_gap_on_the_wire(floor: Floor) -> None:
    """Each event on lead-assignments has the next number."""
    rows = floor.log.on("lead-assignments")
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))


async def test_the_same_facts_give_the_same_events(tmp_path: Path) -> None:
    """To the letter, in whichever process: the whole day, played again."""
    one, other = await eventful(tmp_path / "a"), await eventful(tmp_path / "b")
    assert one.log.records == other.log.records


async def test_no_personal_data_stands_where_none_may(floor: Floor) -> None:
    """Names, addresses, numbers and messages only on topics that are marked so; there the rep does need them."""
    topics = catalogue()
    for record in floor.log.records:
        if not topics[record.topic].personal_data:
            told = (record.value or b"") + (record.key or b"") + b"".join(record.headers.values())
            assert not [marker for marker in MARKERS if marker in told], (record.topic, told)
    shown = next(row for row in floor.log.on("rep-notifications") if row["kind"] == "assigned")
    assert (shown["lead"]["name"], shown["lead"]["phone"]) == ("Markerfirst Markerlast", PERSONAL["phone"])


async def test_no_personal_data_is_logged(tmp_path: Path) -> None:
    """Not for what goes well, and not for what is refused."""
    with structlog.testing.capture_logs() as lines:
        await eventful(tmp_path)
    assert lines
    assert not [marker for marker in MARKERS if marker in repr(lines).encode()]


async def test_a_breach_s_parts_add_up(floor: Floor) -> None:
    """For every clock event of the day."""
    rows = floor.log.on("sla-events")
    for row in rows:
        assert sum(row["breakdown"].values()) == pytest.approx(row["elapsed_seconds"], abs=1e-6)
        assert row["target_seconds"] == 300
    assert {row["threshold"] for row in rows if "threshold" in row} == {0.5, 0.8}


moments = st.integers(0, 4_000_000)
spells = st.integers(-600_000, 4_000_000)  # below zero where the ledger's clock was set back meanwhile


@given(received=moments, decided=moments, end=moments, queue=spells, accept=spells)
def test_the_breakdown_adds_up(received: int, decided: int, end: int, queue: int, accept: int) -> None:
    """Whatever clocks said: no part is negative, and together they are the time between submission and end."""
    told = fact(
        "met", at=START + end, end=START + end, lead="L", sub="s", target="hot", first_touch=300_000, due=START,
        submitted=START, received=START + received, decided=START + decided, queue=queue, accept=accept, attempt=1,
    )  # fmt: skip
    data = RENDER["met"](told)[3]
    parts = {name: round(seconds * 1000) for name, seconds in data["breakdown"].items()}
    assert set(parts) == {"ingest", "decide", "queue", "accept", "touch"}
    assert min(parts.values()) >= 0
    assert sum(parts.values()) == round(data["elapsed_seconds"] * 1000) == max(received, decided, end)
    assert parts["ingest"] == received


def test_a_submission_ahead_of_its_receipt_has_no_negative_part() -> None:
    """A browser's clock runs ahead by a few minutes."""
    told = fact(
        "warned", at=START, end=START, lead="L", sub="s", target="hot", first_touch=1, due=START, submitted=START + 99,
        received=START, decided=START, queue=0, accept=0, attempt=0, threshold=0.5,
    )  # fmt: skip
    data = RENDER["warned"](told)[3]
    assert (data["elapsed_seconds"], set(data["breakdown"].values())) == (0, {0})


def test_a_decision_that_the_ledger_left_alone_is_published_to_the_letter() -> None:
    """Its JSON is not even read into other numbers."""
    decision = b'{"decision_id":"d1","to":"nurture","reasons":["because"],"score":1.50}'
    facts = orjson.dumps([fact("decided", lead="L", sub="s", to="nurture", at=START)])
    [record] = render(Applied("done", facts, decision), WORKSPACE)
    assert record.value == decision


def test_an_event_of_another_workspace_is_told_apart() -> None:
    """By its source; the ids may be the same."""
    facts = orjson.dumps([fact("presence", rep="ana", status="away", at=START)])
    [one], [other] = (render(Applied("done", facts), name) for name in ("emea", "apac"))
    assert (one.headers["ce_source"], other.headers["ce_source"]) == (b"/router/emea", b"/router/apac")


def test_two_notifications_of_one_moment_have_two_ids() -> None:
    """The manager and the rep, two leads, two attempts, two actions: nobody's message hides another's."""
    usual: dict[str, Any] = {
        "kind": "superseded", "role": "rep", "to": "ana", "at": START, "lead": "L1", "sub": "s1", "attempt": 1,
        "about": "a1", "card": "{}",
    }  # fmt: skip
    others: list[dict[str, Any]] = [
        {}, {"to": "ben"}, {"role": "manager"}, {"lead": "L2"}, {"attempt": 2}, {"about": "a2"}, {"kind": "repeat"},
        {"sub": "s2"},
    ]  # fmt: skip
    facts = orjson.dumps([fact("notify", **(usual | more)) for more in others])
    ids = [record.headers["ce_id"] for record in render(Applied("done", facts), WORKSPACE)]
    assert len(set(ids)) == len(ids)


async def test_the_router_s_own_presence_event_comes_back_as_a_repeat(floor: Floor) -> None:
    """It reads the topic that it writes to: an `away` that it set itself changes nothing again."""
    [*_, away] = [record for record in floor.log.records if record.topic == "rep-presence"]
    before = len(floor.log.records)
    await floor.send(
        "rep-presence", Received("rep-presence", 0, 99, away.key, away.value, away.headers, floor.clock.now())
    )
    assert len(floor.log.records) == before
    assert floor.rejected() == [("malformed_json", floor.rejected()[0][1])]
