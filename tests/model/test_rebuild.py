"""A ledger made again from what it told is the ledger that was lost, and goes on like it."""

from __future__ import annotations

import copy
import os
import uuid
from collections.abc import Collection
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from router.domain.ledger import reps
from router.domain.ledger.facts import Fact
from router.domain.ledger.model import apply
from router.domain.ledger.state import Lead, Ledger, Rep
from router.domain.ledger.verbs import Resume, Tick
from router.domain.rebuild.image import Image, over
from tests.model.rebuilding import Remembered
from tests.model.test_engines_agree import Engines
from tests.unit.ledger_story import Story

EXAMPLES = int(os.environ.get("ROUTER_TEST_EXAMPLES", "60"))
PHASES = [phase for phase in Phase if phase is not Phase.shrink or "ROUTER_TEST_SHRINKS" in os.environ]


class Losses(Engines):
    """Histories in which the ledger is lost now and then, and goes on as the one made again."""

    twins: Remembered

    def __init__(self) -> None:
        super().__init__()
        self.twins = Remembered(self.client, self.function, self.twins.workspace)

    @rule(often=st.sampled_from((False, False, False, False, True)))
    def lose(self, often: bool) -> None:
        """Lose the ledger, with all its timers fired; the one made again is the same to all who work with it."""
        if not often:
            return
        while self.twins.apply(Tick(), self.now).code == "more":
            pass
        lost = self.twins
        lost.flush()
        made = lost.read_back()
        same(lost.model, made, lost.now, lost.with_other_hours)
        again = lost.restored()
        expected = apply(with_owners_of(made.ledger, lost.model), Resume(), lost.now).facts
        assert [said(fact) for fact in again.resumed] == [said(fact) for fact in expected]
        lost.client.delete(*lost.client.keys(lost.prefix + "*"))
        self.twins = again


def with_owners_of(made: Ledger, lost: Ledger) -> Ledger:
    """Return *lost* with the owners that its open leads have in *made*, to whom they may go where they went nowhere."""
    again = copy.deepcopy(lost)
    for lead in made.leads.values():
        again.leads[lead.id].owners = lead.owners
    return again


def said(fact: Fact) -> tuple[object, ...]:
    """Return what a fact says, but for numbers that follow from how often the ledger went on."""
    return fact["t"], fact.get("lead"), fact.get("rep"), fact.get("attempt"), fact.get("seq")


NOT_TOLD = {"owners", "reach", "card", "erased"}
"""Owners are those who had the company last, not when the lead was opened; steps are opened anew."""


def same(lost: Ledger, made: Image, now: int, with_other_hours: Collection[str]) -> None:
    """
    Compare the ledger that was lost with the image of it.

    What one of those *with_other_hours* was given today is counted by the midnights that they have now; the ledger
    itself begins to count anew where the midnight is another one.
    """
    again = made.ledger
    assert made.loose == ()
    assert again.sequence == lost.sequence
    there = {lead.id: lead for lead in lost.leads.values() if lead.is_open}
    assert again.leads.keys() == there.keys()
    for name, lead in there.items():
        unknown = {"first"} if lead.erased is not None else frozenset[str]()  # who was erased before they were heard of
        assert shown(again.leads[name], unknown) == shown(lead, unknown)
    past = {lead.id: lead for lead in lost.leads.values() if not lead.is_open and not untold(lead, made)}
    erased = {lead.id for lead in past.values() if lead.erased is not None}
    assert {lead.id: kept(lead, erased) for lead in over(made.over)} == {
        name: kept(lead, erased) for name, lead in past.items()
    }
    assert {name for name in erased if past[name].state == "closed"} == {
        lead.id for lead in over(made.over) if lead.erased is not None and lead.state == "closed"
    }
    for rep in lost.reps.values():
        if rep.id in again.reps:
            image_of, was = of_rep(again, again.reps[rep.id], now), of_rep(lost, rep, now)
            if rep.id in with_other_hours:
                assert image_of.pop("today") >= was.pop("today")
            assert image_of == was
    strangers = {("expire", rep) for rep in lost.reps.keys() - again.reps.keys()}
    assert timers(again) == {key: due for key, due in timers(lost).items() if key not in strangers}
    assert queue(again) == queue(lost)


def shown(lead: Lead, unknown: Collection[str]) -> dict[str, object]:
    """Return what of an open lead is the same, but for what is *unknown*."""
    values = {name: getattr(lead, name) for name in Lead.__dataclass_fields__ if name not in NOT_TOLD | set(unknown)}
    if lead.state != "waiting":
        del values["unheld_since"]
    return {**values, "warned": sorted(lead.warned), "steps": lead.steps}


def kept(lead: Lead, erased: Collection[str]) -> tuple[object, ...]:
    """Return what of a lead that is over is the same; when one of the *erased* was heard of first is not told."""
    first = None if lead.id in erased else lead.first
    return lead.state, lead.attempt, lead.last_rep, first, lead.sub, lead.submitted, lead.policy


def untold(lead: Lead, made: Image) -> bool:
    """Tell whether nothing was ever told of a lead: whoever was erased without a lead at sales leaves no word of it."""
    return lead.state == "seen" and lead.erased is not None and lead.id not in made.over


def of_rep(ledger: Ledger, rep: Rep, now: int) -> dict[str, Any]:
    """Return what of a rep is the same."""
    names = ["active", "calendar", "status", "seen_at", "ahead", "until", "load", "turn", "misses", "on_duty"]
    names += ["capacity", "weight"] if rep.active else []  # of one who has left the policy nobody asks
    return {**{name: getattr(rep, name) for name in names}, "today": reps.assigned_today(ledger, rep, now)}


def timers(ledger: Ledger) -> dict[tuple[str, str], int]:
    """Return the timers but those by which a waiting lead is looked at again."""
    return {key: due for key, due in ledger.timers.items() if key[0] not in ("widen", "retry")}


def queue(ledger: Ledger) -> list[str]:
    """Return who waits, in the order in which they are served."""
    waiting = [lead for lead in ledger.leads.values() if lead.state == "waiting"]
    return [lead.id for lead in sorted(waiting, key=Lead.queue_key)]


@pytest.mark.parametrize("ends", ["touch", "won"])
def test_an_erasure_of_a_lead_that_was_over_is_told(twin_server: tuple[redis.Redis, str], ends: str) -> None:
    """It is the only word of it on the log, and the next ledger that is made again goes by it."""
    lost = Remembered(*twin_server, uuid.uuid4().hex)
    story = Story(lost, "ana")
    story.come("ana")
    story.place("L1")
    submitted = story.lead("L1").submitted
    if ends == "touch":
        story.act("touch", "L1", "ana")
    else:
        story.close("L1", "won")
    again = story.engine = lost.restored()

    [closed] = story.erase("L1")
    told = {"reason": "erased", "sub": "s1", "submitted": submitted, "policy": "v1", "attempt": 1}
    assert {name: closed[name] for name in told} == told
    assert story.erase("L1") == []
    assert again.read_back().over["L1"].erased == closed["at"]


@pytest.mark.timeout(900)
def test_a_ledger_made_again_is_the_one_that_was_lost(twin_server: tuple[redis.Redis, str]) -> None:
    """After any history the image has the same leads, queue, clocks and reps, is restored alike and goes on alike."""
    client, function = twin_server
    machine = type("LossesOnValkey", (Losses,), {"client": client, "function": function})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            phases=PHASES,
        ),
    )
