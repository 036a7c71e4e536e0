"""Who waits is served in the end: the backlog before new work, and the overdue before the important."""

from __future__ import annotations

from itertools import count

import pytest

from router.domain.ledger.verbs import Step
from tests.unit.ledger_story import DAY, MINUTE, Engine, Story, hot, seat

POOLS = {"all": ("in_order", ("ana",)), "others": ("in_order", ("ana",))}
LANES = {"the same lane": "all", "another lane": "others"}


class Floor:
    """One rep with room for one lead, and a stream of important leads that never stops."""

    def __init__(self, engine: Engine, *, arrivals: int, every: int, first_touch: int = 5 * MINUTE) -> None:
        self.story = Story(engine, seat("ana", capacity=1), pools=POOLS)
        self.arrivals, self.every, self.first_touch = arrivals, every, first_touch
        self._names = (f"stream{number}" for number in count())
        self.story.come("ana")
        self._arrive()

    def serve(self) -> str:
        """Let *arrivals* leads come in and ana call the one she has; return which she is given next."""
        self.story.wait(self.every)
        self._arrive()
        self.story.act("touch", self.held(), "ana")
        return self.held()

    def held(self) -> str:
        """Return the lead that ana has."""
        [held] = [lead.id for lead in self.story.engine.model.leads.values() if lead.rep == "ana"]
        return held

    def before(self, due: int) -> int:
        """Count the leads that wait now and are due by *due*: the only ones that may still come first."""
        waiting = (lead for lead in self.story.engine.model.leads.values() if lead.state == "waiting")
        return sum(1 for lead in waiting if lead.touch_by is not None and lead.touch_by <= due)

    def _arrive(self) -> None:
        for _ in range(self.arrivals):
            clock = hot(self.story.now, first_touch=self.first_touch)
            self.story.place(next(self._names), priority=10, clock=clock)


def served_after(floor: Floor, lead: str, due: int) -> int:
    """Serve until *lead* is held and return how many services that took from its due time on."""
    while floor.story.now + floor.every * 1000 < due:
        assert floor.serve() != lead, "priority holds until the lead is overdue"
    floor.story.wait((due - floor.story.now) / 1000)
    bound = floor.before(due) + 1
    for services in range(1, bound + 1):
        if floor.serve() == lead:
            return services
    pytest.fail(f"not served within {bound} services after it was overdue")


@pytest.mark.parametrize("arrivals", [1, 2], ids=["as fast as they are served", "twice as fast"])
@pytest.mark.parametrize("pool", LANES.values(), ids=LANES)
@pytest.mark.parametrize("first_touch", [MINUTE, 5 * MINUTE], ids=["shorter clocks", "equal clocks"])
def test_no_lead_starves_behind_a_stream_of_higher_priority(
    engine: Engine, arrivals: int, pool: str, first_touch: int
) -> None:
    """
    Overdue comes before priority: a lead of priority 0 waits for those that were due before it, and for no other.

    The bound is what the order of the queue implies. Once the lead is overdue only
    those come first that wait at that moment and are due by the same time; whatever
    arrives later is due later, though the stream never stops.
    """
    floor = Floor(engine, arrivals=arrivals, every=20, first_touch=first_touch)
    floor.story.wait(1)
    due = floor.story.now + 5 * MINUTE * 1000
    floor.story.place("patient", priority=0, clock=hot(floor.story.now), steps=(Step(pool, pool),))
    services = served_after(floor, "patient", due)
    if arrivals == 1:
        assert services <= 2, "who keeps up with the stream has nobody overdue but this one"


@pytest.mark.parametrize("pool", LANES.values(), ids=LANES)
def test_a_short_clock_that_comes_later_does_not_pass_an_overdue_lead(engine: Engine, pool: str) -> None:
    """Nor does a stream with a shorter time to touch: what arrives after the due time is due after it."""
    floor = Floor(engine, arrivals=0, every=20)
    story = floor.story
    story.place("first", clock=hot(story.now))
    story.place("patient", priority=0, clock=hot(story.now, first_touch=60), steps=(Step(pool, pool),))
    story.wait(61)
    for number in range(4):
        story.place(f"hasty{number}", priority=9999, clock=hot(story.now, first_touch=1))
    story.wait(5)
    assert floor.serve() == "patient"


@pytest.mark.parametrize("arrivals", [1, 2], ids=["as fast as they are served", "twice as fast"])
def test_a_lead_without_sla_is_served_after_a_day(engine: Engine, arrivals: int) -> None:
    """It counts as overdue 24 h after it was submitted, before every lead of the stream that is due later."""
    floor = Floor(engine, arrivals=arrivals, every=30 * MINUTE)
    floor.story.wait(1)
    due = floor.story.now + DAY * 1000
    floor.story.place("patient", priority=0)
    services = served_after(floor, "patient", due)
    if arrivals == 1:
        assert services <= 2, "as above"


def test_a_lead_without_sla_makes_no_event_of_its_day(engine: Engine) -> None:
    """Being overdue moves it up in the queue and is nobody's breach."""
    story = Story(engine, seat("ana", capacity=1))
    story.place("plain")
    assert story.wait(DAY + 1) == []
    assert story.lead("plain").overdue


@pytest.mark.parametrize("priority", [0, 10])
def test_the_backlog_does_not_starve_behind_new_work(engine: Engine, priority: int) -> None:
    """New leads come in as fast as ana serves, and she is given the oldest one every time (chatwoot 10376)."""
    story = Story(engine, seat("ana", capacity=1))
    backlog = [f"old{number}" for number in range(5)]
    for lead in backlog:
        story.place(lead, priority=priority, clock=hot(story.now))
        story.wait(1)
    story.come("ana")
    order = []
    for number in range(5):
        story.place(f"new{number}", priority=priority, clock=hot(story.now))
        [held] = [lead.id for lead in story.engine.model.leads.values() if lead.rep == "ana"]
        order.append(held)
        story.act("touch", held, "ana")
        story.wait(1)
    assert order == backlog


def test_an_overdue_backlog_does_not_starve_behind_more_important_work(engine: Engine) -> None:
    """Who has been let down once is not let down again for somebody better (chatwoot 10376)."""
    story = Story(engine, seat("ana", capacity=1))
    backlog = [f"old{number}" for number in range(3)]
    for lead in backlog:
        story.place(lead, clock=hot(story.now))
        story.wait(1)
    story.wait(300)
    for number in range(5):
        story.place(f"new{number}", priority=9999, clock=hot(story.now))
    story.come("ana")
    order = []
    for _ in backlog:
        [held] = [lead.id for lead in story.engine.model.leads.values() if lead.rep == "ana"]
        order.append(held)
        story.act("touch", held, "ana")
    assert order == backlog
