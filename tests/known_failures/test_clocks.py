"""Clocks and escalation: silent after an answer, never asleep, never late, and open about a late answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from router.adapters.redis.connection import connect
from router.adapters.redis.ledger import RedisLedger
from router.domain.ledger.facts import Fact
from router.domain.ledger.verbs import Audience, Clock, Install, Place, Step, Tick
from router.pipeline.render import render
from router.pipeline.rounds import tick
from router.ports import Applied
from tests.fakes import MemoryPublisher
from tests.known_failures.moments import moves
from tests.unit.ledger_story import DAY, HOUR, MINUTE, START, Engine, Story, all_of, hot, kinds, office, only, seat

OFFER = (Step("all", "all", accept_within=60_000),)


def loud(now: int) -> Clock:
    """Return a clock of five minutes that warns twice, tells the manager and moves the lead on."""
    return hot(now, warn_at=(0.5, 0.8), on_breach=("notify_manager", "reassign_always"))


def on(topic: str, facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Return the data that *facts* put on *topic*."""
    records = render(Applied("done", orjson.dumps(list(facts)), b"{}"), "test")
    return [orjson.loads(record.value or b"") for record in records if record.topic == topic]


@pytest.mark.parametrize("how", ["the holder calls", "a colleague calls", "it is lost", "the holder accepts"])
def test_nobody_is_paged_after_an_answer(engine: Engine, how: str) -> None:
    """Reminders, warnings and escalation end with the answer that they ask for (grafana/oncall 4654)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    accepted = how == "the holder accepts"
    story.place("L1", steps=OFFER, clock=None if accepted else loud(story.now))
    story.wait(10)
    if how == "it is lost":
        story.close("L1", "lost")
    else:
        story.act("accept" if accepted else "touch", "L1", "ben" if how == "a colleague calls" else "ana")
    assert story.wait(HOUR) == []


def test_an_accepted_lead_is_warned_of_and_never_offered_on(engine: Engine) -> None:
    """To accept is not to call: the clock still warns the holder, and nobody else is asked (grafana/oncall 4654)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    story.place("L1", steps=OFFER, clock=hot(story.now, warn_at=(0.5, 0.8)))
    story.act("accept", "L1", "ana")
    facts = story.wait(HOUR)
    assert kinds(facts) == ["warned", "sla_warning", "warned", "sla_warning", "breached", "sla_breach"]
    assert {fact["to"] for fact in facts if fact["t"] == "notify"} == {"ana"}


@pytest.mark.parametrize("late", [0, 20 * MINUTE], ids=["at nine", "the workers were down at nine"])
def test_escalation_goes_on_when_the_office_opens(engine: Engine, late: int) -> None:
    """
    A lead that came before hours waits for them and no longer, though no worker lived to see the opening.

    Then the offer runs its course from rep to rep (grafana/oncall 1206).
    """
    seats = (seat("ana", calendar="office"), seat("ben", calendar="office"))
    story = Story(engine, *seats, calendars=office((3, "open"), (11, "outside_hours")))
    story.come("ana", "ben")
    assert "no_rep_available" in kinds(story.place("L1", steps=OFFER, clock=hot(story.now, first_touch=4 * HOUR)))
    story.now = START + (3 * HOUR + late) * 1000  # nothing ticked until now
    assert moves(story.do(Tick()).facts) == ["assigned"]
    assert story.holder("L1") == "ana"
    assert moves(story.wait(60)) == ["unassigned", "assigned"]
    assert story.holder("L1") == "ben"
    assert "breached" in kinds(story.wait(HOUR))


@pytest.mark.parametrize("how", ["released", "declined", "left"])
def test_a_clock_goes_on_when_the_one_who_answered_gives_up(engine: Engine, how: str) -> None:
    """An answer pauses nothing: warnings and breach come when due, to whoever has it now (grafana/oncall 1206)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    clock = loud(story.now)
    story.place("L1", steps=OFFER, clock=clock)
    if how == "left":
        story.come("ana", status="offline")
    else:
        story.act("accept", "L1", "ana")
        story.wait(100)
        story.act("release" if how == "released" else "decline", "L1", "ana")
    assert story.holder("L1") == "ben"
    story.act("accept", "L1", "ben")
    facts = story.wait(HOUR)
    assert {fact["to"] for fact in all_of(facts, "sla_warning")} == {"ben"}
    assert len(all_of(facts, "warned")) == 2
    assert [fact["at"] for fact in all_of(facts, "breached")] == [clock.due_at]


def test_every_warning_and_breach_fires_at_its_instant(engine: Engine) -> None:
    """Not at the next round number, the next event or the next month (grafana/oncall 3111)."""
    story = Story(engine, "ana", max_attempts=1000)
    story.come("ana")
    expected = []
    for number in range(4):
        clock = loud(story.now)
        story.place(f"L{number}", clock=clock)
        expected += [*(at for _, at in clock.warn_at), clock.due_at]
        story.now += 7_001
    facts = story.wait(HOUR)
    assert sorted(fact["at"] for fact in facts if fact["t"] in ("warned", "breached")) == sorted(expected)


def test_an_answered_lead_escalates_in_no_later_month(engine: Engine) -> None:
    """Nothing that was set for it is left to go off when nobody remembers the lead (grafana/oncall 3111)."""
    story = Story(engine, "ana", "ben")
    story.come("ana", "ben")
    for number, how in enumerate(("touch", "won", "declined, then touch")):
        lead = f"L{number}"
        story.place(lead, steps=OFFER, clock=loud(story.now))
        story.wait(5)
        if how == "won":
            story.close(lead, "won")
            continue
        if how != "touch":
            story.act("decline", lead, str(story.holder(lead)))
        story.act("touch", lead, str(story.holder(lead)))
    assert story.wait(120 * DAY) == []
    assert [name for _, name in engine.model.timers if name.startswith("L")] == []


def test_what_fell_due_while_no_worker_ran_is_told_by_the_first_thing_that_happens(engine: Engine) -> None:
    """The oldest first, once each, with the time at which it was told (grafana/oncall 3111)."""
    story = Story(engine, seat("ana", capacity=9))
    story.come("ana")
    for number in range(5):
        story.place(f"L{number}", clock=hot(story.now))
        story.now += 1_000
    story.now += 2 * HOUR * 1000  # nothing ticked until now
    told = []
    while (answer := story.do(Tick(limit=2))).code == "more":
        told += all_of(answer.facts, "breached")
    told += all_of(answer.facts, "breached")
    assert [fact["lead"] for fact in told] == [f"L{number}" for number in range(5)]
    assert {fact["at"] for fact in told} == {story.now}
    assert story.wait(HOUR) == []


async def test_a_crowd_of_clocks_that_end_together_is_told_in_one_round(valkey: str, prefix: str) -> None:
    """A worker's round ends when nothing is due any more, not after its first portion (grafana/oncall 3111)."""
    crowd = 1_100
    async with connect(valkey) as client:
        ledger, log = RedisLedger(client, prefix), MemoryPublisher()
        await ledger.begin("test")
        seconds, _ = await client.time()
        then = int(seconds) * 1000 - 600_000
        install = Install(
            "v1", (seat("ana", capacity=0),), {"all": ("ana",)}, {}, 5, 2, None, 30_000, DAY * 1000,
            audiences=(Audience("all", "all", "in_order", ("ana",)),),
        )  # fmt: skip
        leads = [
            Place(
                f"s{n}", f"L{n}", "sales", "iql", then, then, then, "v1", "{}", "{}", "hot",
                clock=hot(then), steps=(Step("all", "all"),), escalate_to="mia",
            )
            for n in range(crowd)
        ]  # fmt: skip
        await ledger.published([one for one in await ledger.apply([install, *leads], then) if one.entry])
        await tick(ledger, log, prefix)
    assert log.types("sla-events") == ["sla.breached.v1"] * crowd


@pytest.mark.parametrize("seen", [True, False], ids=["told when due", "no worker ran when it was due"])
def test_a_late_first_answer_is_told_as_late(engine: Engine, seen: bool) -> None:
    """Breached, and then resolved with all the time that it took: never met, never left out (chatwoot 13392)."""
    story = Story(engine, "ana")
    story.come("ana")
    facts = story.place("L1", clock=hot(story.now))
    submitted = story.now
    if seen:
        facts += story.wait(30 * MINUTE)
    story.now = submitted + 30 * MINUTE * 1000
    facts += story.act("touch", "L1", "ana")
    facts += story.wait(HOUR)

    assert [fact["t"] for fact in facts if fact["t"] in ("met", "breached", "resolved", "cancelled")] == [
        "breached",
        "resolved",
    ]
    late = on("sla-events", facts)[-1]
    assert (late["elapsed_seconds"], late["target_seconds"], late["in_time"]) == (1800, 300, False)
    assert sum(late["breakdown"].values()) == late["elapsed_seconds"]
    assert late["rep_id"] == "ana"


def test_news_of_an_answer_in_time_that_comes_late_hides_nothing_either(engine: Engine) -> None:
    """The breach that was told stands, and the resolution says that the answer itself was in time (chatwoot 13392)."""
    story = Story(engine, "ana")
    story.come("ana")
    story.place("L1", clock=hot(story.now))
    story.wait(10 * MINUTE)
    facts = story.act("touch", "L1", "ana", ago=6 * MINUTE)
    assert only(facts, "resolved")["in_time"] is True
    assert on("sla-events", facts)[-1]["elapsed_seconds"] == 4 * MINUTE
