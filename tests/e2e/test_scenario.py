"""The load of the large tests is what it says: as many, the same each time, and made to drain."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from router.events import TOPICS
from router.policy import load_policy
from tests.e2e.scenario import Scenario
from tests.e2e.scenario_companies import DATA
from tests.e2e.scenario_people import REDELIVERED, REPEATED

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data for checks is not beside the project")

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
RUN = timedelta(minutes=1)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """Return the load as the large tests take it."""
    return Scenario.make()


def test_the_same_seed_gives_the_same_load(scenario: Scenario) -> None:
    """Two draws agree in every byte, and another seed does not."""
    again = Scenario.make()

    assert again == scenario
    assert again.submissions(START, RUN) == scenario.submissions(START, RUN)
    assert Scenario.make(seed=18).forms != scenario.forms


def test_there_are_as_many_submissions_as_asked_for(scenario: Scenario) -> None:
    """Three thousand ids, some sent twice with the same data, some people with two of them."""
    sent = scenario.submissions(START, RUN)
    by_id: dict[str, set[bytes]] = {}
    for each in sent:
        value = each.record.value or b""
        by_id.setdefault(orjson.loads(value)["submission_id"], set()).add(value)

    assert set(by_id) == scenario.submission_ids
    assert len(by_id) == 3_000
    assert {len(values) for values in by_id.values()} == {1}
    assert len(sent) == 3_000 + 3_000 * REDELIVERED
    assert 3_000 - len({form.person.number for form in scenario.forms}) == 3_000 * REPEATED


def test_no_two_people_share_an_identity(scenario: Scenario) -> None:
    """Addresses are all different; so are the numbers of those who give nothing else."""
    senders = {form.person.number: form.person for form in scenario.forms}.values()
    reached = [person.email or person.phone for person in senders]

    assert len(set(reached)) == len(reached)
    assert sum(person.email is None for person in senders) > 30


def test_every_record_can_be_read(scenario: Scenario) -> None:
    """All submissions and presence events are valid by the contract's models, in the order of sending."""
    for timed in (scenario.submissions(START, RUN), scenario.presence(START, RUN)):
        assert [each.at for each in timed] == sorted(each.at for each in timed)
        assert all(START <= each.at <= START + RUN for each in timed)
        for each in timed:
            (model,) = TOPICS[each.record.topic].values()
            model.model_validate_json(each.record.value or b"")


def test_everybody_is_there_in_the_end(scenario: Scenario) -> None:
    """Ten of thirty reps leave in each of the three ways, and all have come back before the end."""
    told = [orjson.loads(each.record.value or b"") for each in scenario.presence(START, RUN)]
    last = {each["rep_id"]: each["status"] for each in told}

    assert len(last) == 30
    assert set(last.values()) == {"available"}
    assert Counter(each["status"] for each in told) == {"available": 40, "busy": 5, "away": 3, "offline": 2}


def test_reps_do_all_that_reps_do_and_end_by_calling(scenario: Scenario) -> None:
    """By lead and attempt a rep touches, accepts, declines or misses; from the fourth attempt on all touch."""
    at = "2026-03-02T09:00:00.000Z"
    common = {"rep_id": "rep-01", "at": at, "submitted_at": at, "accept_by": "2026-03-02T09:00:05.000Z"}
    assigned = [
        {**common, "lead_id": f"lead-{number}", "attempt": attempt} for number in range(2_000) for attempt in (1, 4)
    ]
    early, last = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for each in assigned:
        done = tuple(orjson.loads(timed.record.value or b"")["action"] for timed in scenario.react(each))
        (early if each["attempt"] == 1 else last)[done] += 1
        assert scenario.react(each) == scenario.react(each)

    assert set(early) == {("touch",), ("accept", "touch"), ("decline",), ()}
    assert min(early.values()) > 80
    assert set(last) == {("touch",), ("accept", "touch")}


def test_nobody_misses_what_needs_no_acceptance(scenario: Scenario) -> None:
    """A direct assignment is always answered, as nothing would take it back."""
    at = "2026-03-02T09:00:00.000Z"
    common = {"rep_id": "rep-01", "at": at, "submitted_at": at, "accept_by": None, "attempt": 1}

    assert all(scenario.react({**common, "lead_id": f"lead-{number}"}) for number in range(500))


def test_a_rep_whom_the_router_sent_away_comes_back(scenario: Scenario) -> None:
    """Only the router's own presence events are answered."""
    away = {"rep_id": "rep-01", "status": "away", "at": "2026-03-02T09:00:00.000Z"}

    assert scenario.come_back(away) == []
    (back,) = scenario.come_back({**away, "source": "router"})
    assert orjson.loads(back.record.value or b"")["status"] == "available"


def test_poison_is_of_every_kind(scenario: Scenario) -> None:
    """There is a record for every code that bad input can get."""
    codes = Counter(each.code for each in scenario.poison(START, "a-lead"))

    assert set(codes) == {"malformed_json", "schema", "unknown_rep", "unknown_lead", "too_large", "unknown_type"}


def test_the_configuration_checks(scenario: Scenario, tmp_path: Path) -> None:
    """The configuration is one the router takes, with thirty reps in three pools and nothing to warn of."""
    loaded = load_policy(scenario.write_policy(tmp_path / "policy"))

    assert loaded.warnings == ()
    assert len(loaded.policy.reps) == 30
    assert {name: len(pool.members) for name, pool in loaded.policy.pools.items()} == {
        "enterprise": 12,
        "growth": 18,
        "everyone": 30,
    }
    assert loaded.policy.enrichment is not None
    assert len(loaded.policy.enrichment.dataset) > 5_000
