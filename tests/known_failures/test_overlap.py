"""Several workers at once on one real Valkey: no limit is overshot, nothing is given twice, nobody stays reserved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson
import pytest

from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.verbs import Act, Attend, Tick, Verb
from router.ports import Applied
from tests.known_failures.overlap import Job, highest_loads, opened, submission, team, together, told
from tests.unit.ledger_story import START

WORKERS = 6
OFFER = 60_000


def one_by_one(verbs: Sequence[Verb], now: int = START) -> Job[list[Applied]]:
    """Return a worker that asks the ledger for one thing after the other."""

    async def job(ledger: RedisLedger) -> list[Applied]:
        return [answer for verb in verbs for answer in await ledger.apply([verb], now)]

    return job


def test_two_instances_do_not_overshoot_a_limit(valkey: str, prefix: str) -> None:
    """Six workers place at once: every rep is filled to capacity and none above it (RocketChat 37776)."""
    opened(valkey, prefix, *team(size=4, capacity=3))
    jobs = [one_by_one([submission(f"L{worker}-{n}") for n in range(10)]) for worker in range(WORKERS)]

    facts = told(together(valkey, prefix, jobs))

    assert highest_loads(facts) == dict.fromkeys(("rep0", "rep1", "rep2", "rep3"), 3)
    assert Counter(fact["t"] for fact in facts) == {"assigned": 12, "queued": WORKERS * 10 - 12}


def test_two_instances_do_not_overshoot_a_limit_while_leads_come_and_go(valkey: str, prefix: str) -> None:
    """The same while leads are called, so that places come free all the time (RocketChat 37776)."""
    opened(valkey, prefix, *team(size=3, capacity=2))

    def busy(worker: int) -> Job[list[Applied]]:
        async def job(ledger: RedisLedger) -> list[Applied]:
            answers: list[Applied] = []
            for n in range(15):
                answers += await ledger.apply([submission(f"L{worker}-{n}")], START)
                held = [fact for one in answers[-3:] for fact in orjson.loads(one.facts) if fact["t"] == "assigned"]
                for fact in held[-1:]:
                    act = Act(f"a{worker}-{n}", fact["lead"], fact["rep"], "touch", START)
                    answers += await ledger.apply([act], START)
            return answers

        return job

    facts = told(together(valkey, prefix, [busy(worker) for worker in range(WORKERS)]))

    assert all(most <= 2 for most in highest_loads(facts).values())
    assert Counter(fact["t"] for fact in facts)["touched"] > 0


def test_overlapping_jobs_do_not_give_one_lead_twice(valkey: str, prefix: str) -> None:
    """The same submissions come to every worker, as on a rebalance: each is decided and given once (chatwoot 14495)."""
    opened(valkey, prefix, *team(size=5, capacity=20))
    leads = [f"L{n}" for n in range(40)]
    jobs = [one_by_one([submission(lead) for lead in leads]) for _ in range(WORKERS)]

    answers = together(valkey, prefix, jobs)

    facts = told(answers)
    assert Counter(fact["lead"] for fact in facts if fact["t"] == "assigned") == dict.fromkeys(leads, 1)
    assert Counter(one.code for some in answers for one in some) == {"done": 40, "repeat": 40 * (WORKERS - 1)}


def test_overlapping_rounds_do_not_move_one_offer_twice(valkey: str, prefix: str) -> None:
    """Twenty offers run out together and every worker finds them due: each goes on once (chatwoot 14495)."""
    leads = [f"L{n}" for n in range(20)]
    opened(valkey, prefix, *team(size=4, capacity=10), before=[submission(lead, OFFER) for lead in leads])
    jobs = [one_by_one([Tick(limit=3)] * 20, START + OFFER) for _ in range(WORKERS)]

    facts = told(together(valkey, prefix, jobs))

    assert Counter(fact["lead"] for fact in facts if fact["t"] == "unassigned") == dict.fromkeys(leads, 1)
    assert Counter((fact["lead"], fact["attempt"]) for fact in facts if fact["t"] == "assigned") == {
        (lead, 2): 1 for lead in leads
    }


def test_overlapping_openings_do_not_give_one_waiting_lead_twice(valkey: str, prefix: str) -> None:
    """All reps come back at once, each by another worker: every waiting lead goes to one of them (chatwoot 14495)."""
    leads = [f"L{n}" for n in range(12)]
    reps = team(size=WORKERS, capacity=2)
    opened(valkey, prefix, *reps, before=[submission(lead) for lead in leads], status="away")
    jobs = [one_by_one([Attend(rep.id, "available", START + 1, 0), Tick()], START + 1) for rep in reps]

    facts = told(together(valkey, prefix, jobs))

    assert Counter(fact["lead"] for fact in facts) == dict.fromkeys(leads, 1)
    assert highest_loads(facts) == {rep.id: 2 for rep in reps}


@pytest.mark.parametrize("size", [WORKERS])
def test_who_lost_the_race_for_a_lead_is_not_left_reserved(valkey: str, prefix: str, size: int) -> None:
    """Six reps answer one lead at once: one has it, the other five are free for the next five (freeswitch 2540)."""
    reps = team(size=size, capacity=1)
    opened(valkey, prefix, *reps, before=[submission("L1")], status="busy")
    answers = [[Act(f"a-{rep.id}", "L1", rep.id, "accept", START + 1)] for rep in reps]

    race = together(valkey, prefix, [one_by_one(verbs, START + 1) for verbs in answers])

    [winner] = [fact["rep"] for fact in told(race) if fact["t"] == "accepted"]
    back: list[Verb] = [Attend(rep.id, "available", START + 2, 0) for rep in reps]
    more: list[Verb] = [submission(f"M{n}") for n in range(size)]
    facts = told(together(valkey, prefix, [one_by_one([*back, *more], START + 2)]))
    assert {fact["rep"] for fact in facts if fact["t"] == "assigned"} == {rep.id for rep in reps} - {winner}
