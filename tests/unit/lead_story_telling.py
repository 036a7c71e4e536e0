"""
Histories for tests of a lead's story: the ledger's model plays them, rendered as they would stand on the topics.

So a story is told of what a ledger really does, with the events' own words.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from router.domain.lead_story.shape import Event, LeadStory, Standing
from router.domain.lead_story.tell import tell
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.verbs import Place, Seat, Step, Verb
from router.events.base import from_millis, parse_instant, to_millis
from router.events.envelope import decode
from router.pipeline.render import render
from router.ports import Applied, Outgoing, Received
from tests.unit.ledger_story import START, Engine, ModelAlone, Story, hot

KEPT = timedelta(days=7)
BEGINNING = datetime.fromtimestamp(START / 1000, UTC)
PERSONAL = {"name": "Markername Secret", "email": "marker@acme.example", "phone": "+4755501234", "message": "Marker me"}


def decided(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a decision has
    """Return the data of a decision: an SQL by the route `hot` with a clock of five minutes, unless *more* says so."""
    rules = [
        {"name": "size", "points": 40, "matched": True, "unknown": []},
        {"name": "industry", "points": 20, "matched": True, "unknown": []},
    ]
    return {
        "stage": "sql", "route": "hot", "to": "sales", "tags": ["paid"], "priority": 10, "sla": "hot",
        "fit": {"score": 60, "icp": True, "segment": "enterprise", "rules": rules},
        "intent": {"level": "high", "action": "demo_request"},
        "engagement": {"score": 12.0, "threshold": 50},
        "enrichment": {"status": "matched", "source": "companies.csv", "fields": {"employees": 5200}},
        "policy_version": "v1", "reasons": ["Asked for a demo", "SQL: decides, and fits"], "unknown": [], "test": False,
        **more,
    }  # fmt: skip


class Telling(Story):
    """A story of the ledger whose events are kept as the log would have them."""

    def __init__(self, *seats: str | Seat, engine: Engine | None = None, **limits: Any) -> None:  # noqa: ANN401 - as `Story`
        self.events: list[Event] = []
        super().__init__(engine or ModelAlone(), *seats, **limits)

    def do(self, verb: Verb) -> Answer:
        """Apply *verb* and keep what it makes of events."""
        answer = super().do(verb)
        applied = Applied(answer.code, orjson.dumps(answer.facts), answer.decision.encode())
        self.events += [event(record) for record in render(applied, "default")]
        return answer

    def send(
        self,
        lead: str = "L1",
        *,
        age: float = 0,
        accept_within: int | None = None,
        **decision: Any,  # noqa: ANN401 - as `decided`
    ) -> list[Fact]:
        """
        Bring in a submission that was decided so, of a person with a name and a number.

        It was sent off *age* seconds ago; a rep must accept it within so many seconds, where that is given.
        """
        submitted = self.now - round(age * 1000)
        clock = hot(submitted, warn_at=(0.5,), on_breach=("notify_manager", "reassign"))
        made = {**decided(**decision), "lead_id": lead}
        to_sales = made["to"] == "sales"
        card = orjson.dumps(PERSONAL).decode()
        place = self.submission(
            lead, to=made["to"], stage=made["stage"], priority=made["priority"], submitted_at=submitted,
            clock=clock if made["sla"] else None, route=made["route"], card=card, policy_version=made["policy_version"],
            steps=(Step("all", "all", accept_within and accept_within * 1000),) if to_sales else (),
        )  # fmt: skip
        return self.do(_with_decision(place, made)).facts

    def told(self, lead: str = "L1", *, by_ledger: bool = True) -> LeadStory:
        """Tell the story of *lead* as it stands, with the model for the ledger."""
        standing = self.standing(lead) if by_ledger else None
        return tell(lead, self.of(lead), standing, self.moment, notifications_kept=KEPT)

    def of(self, lead: str = "L1") -> list[Event]:
        """Return the events about *lead*, in an order that nobody promises."""
        return [each for each in reversed(self.events) if getattr(each.data, "lead_id", None) == lead]

    def standing(self, lead: str = "L1") -> Standing:
        """Return how the model has *lead*."""
        known = self.lead(lead)
        due = None if known.touch_by is None else parse_instant(from_millis(known.touch_by))
        return Standing(known.state, known.attempt, known.rep, due, known.parked)

    @property
    def moment(self) -> datetime:
        """Now, as an instant."""
        return BEGINNING + timedelta(milliseconds=self.now - START)


def _with_decision(place: Place, made: dict[str, Any]) -> Place:
    times = {name: from_millis(getattr(place, name)) for name in ("submitted_at", "received_at", "decided_at")}
    due = from_millis(place.clock.due_at) if place.clock else None
    ids = {"decision_id": f"dec-{place.submission_id}", "submission_id": place.submission_id}
    values = {name: getattr(place, name) for name in Place.__dataclass_fields__ if name != "decision"}
    return Place(**values, decision=orjson.dumps({**made, **times, **ids, "touch_by": due}).decode())


def event(record: Outgoing) -> Event:
    """Return the event in a record of the log."""
    incoming = decode(Received(record.topic, 0, 0, record.key, record.value, record.headers, BEGINNING))
    return Event(str(incoming.ce_id), parse_instant(record.headers["ce_time"].decode()), incoming.data)


def seconds(moment: datetime | None) -> float:
    """Return how long after the beginning an instant is."""
    assert moment is not None
    return (to_millis(moment) - START) / 1000
