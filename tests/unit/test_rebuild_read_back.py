"""What is read back of a log, and what is asked again: what stood only in the outbox of a Redis that is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead
from router.domain.ledger.verbs import Erase
from router.domain.policy import Policy
from router.domain.rebuild import course
from router.domain.rebuild.image import over
from router.domain.rebuild.undone import action_counts
from router.errors import BadInput
from router.events.assignment import LeadClosed
from router.events.base import rfc3339, to_millis
from router.pipeline.read_back import INPUTS, ReadBack, Reader
from router.pipeline.render import render
from router.pipeline.restoration import restoration
from router.policy.load import load_policy
from router.ports import Activity, Applied, Outgoing
from tests.benchmarks.load import write_policy
from tests.benchmarks.rebuild import Past
from tests.fakes import MemoryTail

KEY = b"k" * 32
NOW = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)

Which = Callable[[Outgoing, Mapping[str, Any]], bool]


class Nothing:
    """Remembers behaviour for nobody."""

    async def note(self, activities: Sequence[Activity]) -> None:
        """Remember it."""

    async def of(self, whose: Sequence[str]) -> Sequence[Sequence[tuple[str, str, int]]]:
        """Know nothing."""
        return [[] for _ in whose]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    """The policy of the benchmarks."""
    return load_policy(write_policy(tmp_path_factory.mktemp("policy") / "config", 1_000)).policy


@pytest.fixture(scope="module")
def log(policy: Policy) -> list[Outgoing]:
    """A hundred leads of six days, two of them open."""
    return list(Past(policy, KEY, "default", NOW).events(1_100))


async def read_back(
    log: list[Outgoing], policy: Policy, *, without: Which = lambda *_: False, consumed: bool = True, key: bytes = KEY
) -> ReadBack:
    """Read *log* back, but for some of it."""
    kept = [one for one in log if not without(one, orjson.loads(one.value or b"{}"))]
    tail = MemoryTail(kept, NOW)
    done = {(topic, 0): len(tail.topics.get(topic, ())) for topic in INPUTS if consumed}
    return await Reader(tail, done, Nothing(), policy, key, to_millis(NOW)).read()


def kind(record: Outgoing) -> str:
    """Return the type of what the router wrote."""
    return record.headers.get("ce_type", b"").decode()


async def test_a_whole_log_leaves_nothing_to_ask_again(log: list[Outgoing], policy: Policy) -> None:
    """Where every input shows its effect all ids are remembered, and nothing is asked a second time."""
    found = await read_back(log, policy)

    assert found.again == []
    assert len(found.decisions.ids) == 100
    assert len(found.actions) == 2 * 98
    assert len(found.forms) == len(found.courses.open) == 2
    assert found.line.missing() == []


async def test_a_submission_without_a_decision_is_asked_again(log: list[Outgoing], policy: Policy) -> None:
    """It was consumed, and what followed was never published: it is decided now."""

    def of_one(record: Outgoing, data: Mapping[str, Any]) -> bool:
        return record.topic.startswith(("lead-d", "lead-as", "sla", "rep-n")) and data.get("lead_id") == lead

    lead = next(iter((await read_back(log, policy)).courses.open))
    found = await read_back(log, policy, without=of_one)

    assert [one.topic for one in found.again] == ["form-submissions"]
    assert lead not in found.courses.open
    assert (await read_back(log, policy, without=of_one, consumed=False)).again == []


async def test_a_submission_that_was_refused_is_not_asked_again(log: list[Outgoing], policy: Policy) -> None:
    """A dead letter is an end as good as a decision."""
    letter = {"source_topic": "form-submissions", "source_partition": 0, "source_offset": 99}
    refused = Outgoing("dead-letters", b"k", orjson.dumps(letter), {"ce_type": b"event.rejected.v1"})

    def of_last(record: Outgoing, data: Mapping[str, Any]) -> bool:
        return record.topic != "form-submissions" and data.get("submission_id") == "s-99"

    assert len((await read_back(log, policy, without=of_last)).again) == 1
    found = await read_back([*log, refused], policy, without=of_last)

    assert found.again == []


async def test_a_touch_without_effect_is_asked_again(log: list[Outgoing], policy: Policy) -> None:
    """A lead that is open on the log, and was touched by an action that was consumed, is touched by it again."""
    touched = next(orjson.loads(one.value or b"") for one in log if kind(one) == "lead.touched.v1")
    gone = {"lead.touched.v1", "sla.met.v1"}
    found = await read_back(
        log, policy, without=lambda one, data: kind(one) in gone and data["lead_id"] == touched["lead_id"]
    )

    [again] = found.again
    data = orjson.loads(again.value or b"")
    assert (again.topic, data["action"], data["lead_id"]) == ("rep-actions", "touch", touched["lead_id"])
    assert f"act:{data['action_id']}" not in found.actions
    assert found.line.missing() == [(touched["sequence"], touched["sequence"])]


@pytest.mark.parametrize("attempt", [None, 1, 2])
def test_a_lead_that_waits_is_taken_by_whatever_attempt_is_named(attempt: int | None) -> None:
    """As the ledger has it, so it is asked again; but for what was said before the lead waited, or is no accept."""
    lead = Lead("ld_1", state="waiting", attempt=2, opened=to_millis(NOW))
    opening = course.Opening(lead, before=course.Past(), told_at=to_millis(NOW))
    courses = SimpleNamespace(open={"ld_1": opening})

    def counts(action: str, seconds: int) -> bool:
        at = rfc3339(NOW + timedelta(seconds=seconds))
        data = {"action": action, "rep_id": "ana", "lead_id": "ld_1", "attempt": attempt, "at": at}
        return action_counts(courses, data)  # type: ignore[arg-type]  # as much of them as is asked for

    assert [counts("accept", 1), counts("accept", -1), counts("decline", 1)] == [True, False, False]


async def test_what_was_not_consumed_counts_still(log: list[Outgoing], policy: Policy) -> None:
    """An action that the workers have not come to is neither remembered nor asked again: it comes by itself."""
    found = await read_back(log, policy, consumed=False)

    assert (found.actions, found.again) == ({}, [])


async def test_a_lead_that_was_sent_to_sales_and_never_placed_is_placed(log: list[Outgoing], policy: Policy) -> None:
    """Its decision stands on the log and no assignment does: it goes on as soon as the ledger does."""
    lead = next(iter((await read_back(log, policy)).courses.open))
    found = await read_back(
        log, policy, without=lambda one, data: one.topic == "lead-assignments" and data["lead_id"] == lead
    )
    made = restoration(found, policy, KEY, NOW)

    assert made.image.loose == (lead,)
    assert made.image.ledger.leads[lead].steps
    assert made.image.ledger.timers["breach", lead] > 0


async def test_an_open_lead_has_what_its_submission_brought_along(log: list[Outgoing], policy: Policy) -> None:
    """Contact details, steps with who may take it, clock and holder are as they were."""
    found = await read_back(log, policy)
    ledger = restoration(found, policy, KEY, NOW).image.ledger

    for lead in ledger.leads.values():
        form = found.forms[lead.sub]
        assert orjson.loads(lead.card)["email"] == form.email
        assert [step.pool for step in lead.steps][-1] == "everyone"
        assert all(ledger.audiences[step.audience].members for step in lead.steps)
        assert lead.state == "held"
        assert ledger.reps[str(lead.rep)].load >= 1
        assert lead.clock is not None
        assert lead.clock.due_at == lead.submitted + 1_800_000


async def test_a_lead_whose_submission_is_gone_goes_on_and_says_so(log: list[Outgoing], policy: Policy) -> None:
    """It keeps its holder and its clock; the next notification says that contact details are not kept any more."""
    found = await read_back(log, policy, without=lambda one, _: one.topic == "form-submissions")
    made = restoration(found, policy, KEY, NOW)

    assert made.without_contact == len(made.image.ledger.leads) == 2
    for lead in made.image.ledger.leads.values():
        card = orjson.loads(lead.card)
        assert card["email"] is None
        assert "no longer kept" in card["reasons"][-1]
        assert lead.state == "held"


async def test_a_lead_whose_route_is_gone_stays_in_its_pool(log: list[Outgoing], tmp_path: Path) -> None:
    """Its clock and holder stay; the pool that it was last assigned from may take it next."""
    config = write_policy(tmp_path / "config", 1_000)
    routes = config / "routes.yaml"
    routes.write_text(routes.read_text().replace("name: hot", "name: other"), encoding="utf-8")
    other = load_policy(config).policy
    found = await read_back(log, other)
    made = restoration(found, other, KEY, NOW)

    assert made.without_route == 2
    assert {step.pool for lead in made.image.ledger.leads.values() for step in lead.steps} == {"enterprise"}


async def test_an_erasure_is_told_of_a_lead_that_was_over_when_it_was_restored(
    log: list[Outgoing], policy: Policy
) -> None:
    """Its event is a whole one, and by it the next ledger that is made again knows that the person was erased."""
    made = restoration(await read_back(log, policy), policy, KEY, NOW).image
    lead = next(lead for lead in over(made.over) if lead.state == "touched")
    made.ledger.leads[lead.id] = lead
    facts = apply(made.ledger, Erase(lead.id), to_millis(NOW)).facts
    [told] = render(Applied("done", orjson.dumps(facts)), "default")

    assert LeadClosed.model_validate_json(told.value or b"").reason == "erased"
    assert (await read_back([*log, told], policy)).courses.erased(lead.id) == to_millis(NOW)


async def test_of_two_presences_from_a_clock_that_is_ahead_the_newer_counts(policy: Policy) -> None:
    """Both are held to the instant at which they came together, as the ledger had it."""
    rep = next(iter(policy.reps))

    def said(status: str, ahead: int) -> Outgoing:
        at = (NOW + timedelta(seconds=ahead)).isoformat()
        return Outgoing("rep-presence", None, orjson.dumps({"rep_id": rep, "status": status, "at": at}), {})

    found = await read_back([said("available", 2), said("away", 3), said("available", 2)], policy)
    restored = restoration(found, policy, KEY, NOW).image.ledger.reps[rep]

    assert (restored.status, restored.seen_at, restored.ahead) == ("away", to_millis(NOW), 3_000)


async def test_another_identity_key_is_refused(log: list[Outgoing], policy: Policy) -> None:
    """Under it every person would be somebody else."""
    found = await read_back(log, policy)

    with pytest.raises(BadInput, match="ROUTER_IDENTITY_KEY"):
        restoration(found, policy, b"x" * 32, NOW)


async def test_what_cannot_be_read_is_passed_over(log: list[Outgoing], policy: Policy) -> None:
    """One bad record costs only itself."""
    bad = [Outgoing(topic, None, b"[]", {}) for topic in (*INPUTS, "lead-decisions", "sla-events", "lead-assignments")]
    found = await read_back([*bad, *log], policy)

    assert found.counts.unreadable == len(bad)
    assert len(found.courses.open) == 2


async def test_ids_are_remembered_as_long_as_the_ledger_would(log: list[Outgoing], policy: Policy) -> None:
    """A submission that was decided longer ago than `max_age` and a day is not among them."""
    later = to_millis(NOW + timedelta(days=9))
    tail = MemoryTail(log, NOW)
    found = await Reader(tail, {}, Nothing(), policy, KEY, later).read()

    assert found.decisions.ids == {}
