"""Promise 6 at one instant: who waits while somebody is free, by what the ledger keeps of leads and reps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.domain.audit.waiting import FreeRep, Waiter, Waiting, waits_for_nobody

NOW = 1_000_000
LEAD = Waiter("L1", attempt=2, parked=False, tried=frozenset(), audiences=("near",))
ANA = FreeRep(active=True, status="available", until=0, calendar="", room=1, at_limit=False, turn=7)
OPEN = ((NOW - 10, "open"), (NOW + 10, "outside_hours"))


def seen(lead: Waiter = LEAD, ana: FreeRep = ANA, edges: tuple[tuple[int, str], ...] = OPEN) -> Waiting:
    """Return one lead in the queue and one rep."""
    return Waiting(NOW, (lead,), {"near": frozenset({"ana"})}, {"ana": ana}, {"office": edges})


def test_a_lead_that_a_free_rep_may_take_need_not_wait() -> None:
    """It is told with its attempt and the rep's turn, by which two looks know that nothing has moved."""
    assert [*waits_for_nobody(seen())] == [("L1", 2, "ana", 7)]
    assert [*waits_for_nobody(seen(ana=replace(ANA, calendar="office", until=NOW + 1)))] == [("L1", 2, "ana", 7)]


RIGHT = {
    "had all its attempts": seen(replace(LEAD, parked=True)),
    "was with this rep before": seen(replace(LEAD, tried=frozenset({"ana"}))),
    "waits for others": seen(replace(LEAD, audiences=("far",))),
    "not active": seen(ana=replace(ANA, active=False)),
    "busy": seen(ana=replace(ANA, status="busy")),
    "presence has run out": seen(ana=replace(ANA, until=NOW)),
    "full": seen(ana=replace(ANA, room=0)),
    "may have had enough today": seen(ana=replace(ANA, at_limit=True)),
    "out of hours": seen(ana=replace(ANA, calendar="office"), edges=((NOW - 10, "holiday"), (NOW + 10, "open"))),
    "a calendar that is not known": seen(ana=replace(ANA, calendar="elsewhere")),
    "beyond what is known of the calendar": seen(ana=replace(ANA, calendar="office"), edges=((NOW - 10, "open"),)),
}


@pytest.mark.parametrize("what", RIGHT.values(), ids=RIGHT.keys())
def test_a_lead_may_rightly_wait(what: Waiting) -> None:
    """Where the rep cannot take the lead, or that is in doubt, nothing is told."""
    assert [*waits_for_nobody(what)] == []
