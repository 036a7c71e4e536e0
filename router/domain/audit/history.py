"""
What is known of one thing: the records about it, typed, each fact once.

Here is seen what is wrong with repeats (promise 7) and with outputs that nobody
could read; all other judgements are in the modules beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from router.domain.audit.observed import Observed, Violation
from router.events import TOPIC_OF_TYPE, TOPICS
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.rejection import EventRejected
from router.events.sla import SlaEvent

E = TypeVar("E", bound=EventData)
Place = tuple[str, int, int]

_MADE_AGAIN: Mapping[str, tuple[str, ...]] = {"event.rejected.v1": ("rejected_at",)}
"""Fields that differ when the same fact is made a second time: a dead letter's moment is no part of what it says."""

_OF_A_TEST = ("decision_id", "submission_id", "lead_id", "test")
"""A decision marked `test` never reaches the ledger, so a redelivery computes it anew: only these must stay."""


@dataclass(frozen=True, slots=True)
class Record:
    """One input record and its event; None where the record cannot be read as one."""

    observed: Observed
    event: EventData | None


@dataclass(slots=True)
class History:
    """What stands on the topics of one thing, a lead or a submission or a record; each fact once."""

    inputs: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    decisions: dict[str, list[LeadDecided]] = field(default_factory=lambda: defaultdict(list))
    assignments: list[AssignmentEvent] = field(default_factory=list)
    notifications: list[NotificationRequested] = field(default_factory=list)
    sla: list[tuple[str, SlaEvent]] = field(default_factory=list)
    rejected: dict[Place, list[EventRejected]] = field(default_factory=lambda: defaultdict(list))

    def dead_letters(self, observed: Observed) -> list[EventRejected]:
        """Return the dead letters of one record."""
        return self.rejected.get(observed.where, [])


def repeated(first: Observed, again: Observed) -> Iterable[Violation]:
    """Find what two records under one id say differently."""
    if first.ce_type != again.ce_type:
        problem = f"{first.place} is a {first.ce_type}, {again.place} under the same id a {again.ce_type}"
        yield Violation(7, f"event {again.ce_id}", problem)
    elif said(first) != said(again):
        problem = f"{first.place} and {again.place} have this id and differ in {_differences(first, again)}"
        yield Violation(7, f"event {again.ce_id}", problem)


def said(observed: Observed) -> Mapping[str, Any] | None:
    """Return what an output says, without what may differ when it is made again."""
    data = observed.data
    if data is None:
        return None
    if observed.ce_type == "lead.decided.v1" and data.get("test") is True:
        return {name: data.get(name) for name in _OF_A_TEST}
    free = _MADE_AGAIN.get(observed.ce_type or "")
    if free is None:
        return data
    return {name: value for name, value in data.items() if name not in free}


def _differences(first: Observed, again: Observed) -> str:
    one, two = said(first) or {}, said(again) or {}
    names = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    return ", ".join(names[:5]) or "whether there is any data"


def read_input(observed: Observed) -> EventData | None:
    """Return the event of an input record; None where no model can read it."""
    (ce_type, model), *_ = TOPICS[observed.topic].items()
    if observed.data is None or observed.ce_type not in {None, ce_type}:
        return None
    try:
        return model.model_validate(observed.data)
    except ValidationError:
        return None


def read_output(observed: Observed) -> EventData | Violation:
    """Return the event of an output, or what is wrong with it."""
    ce_type = observed.ce_type or ""
    if TOPIC_OF_TYPE.get(ce_type) != observed.topic:
        return Violation(1, observed.place, f"the topic carries no {ce_type or 'event without ce_type'}")
    try:
        return TOPICS[observed.topic][ce_type].model_validate(observed.data)
    except ValidationError as exc:
        fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
        problem = f"cannot be read as {ce_type}: {', '.join(fields[:5]) or 'no data'}"
        return Violation(1, observed.place, problem)


def events_of(records: Iterable[Record], model: type[E]) -> Iterable[tuple[Observed, E]]:
    """Return the records that can be read as *model*."""
    for record in records:
        if isinstance(record.event, model):
            yield record.observed, record.event
