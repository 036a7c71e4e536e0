"""
Sorts the records of all topics: each fact once, typed, assignments in the order of `sequence`.

On the way it sees what is wrong with repeats (promise 7) and with outputs that
nobody could read; all other judgements are in the modules beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from router.domain.audit.observed import Observed, Violation
from router.events import INPUT_TOPICS, TOPIC_OF_TYPE, TOPICS
from router.events.assignment import AssignmentEvent
from router.events.base import EventData
from router.events.decision import LeadDecided
from router.events.notification import NotificationRequested
from router.events.presence import RepPresence
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
    """Everything that stands on the topics, each fact once."""

    inputs: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    decisions: dict[str, list[LeadDecided]] = field(default_factory=lambda: defaultdict(list))
    assignments: list[AssignmentEvent] = field(default_factory=list)
    shared_sequences: list[tuple[int, int]] = field(default_factory=list)
    notifications: list[NotificationRequested] = field(default_factory=list)
    sla: list[tuple[str, SlaEvent]] = field(default_factory=list)
    rejected: dict[Place, list[EventRejected]] = field(default_factory=lambda: defaultdict(list))
    faults: list[Violation] = field(default_factory=list)

    @property
    def presence(self) -> Iterable[tuple[Observed, RepPresence]]:
        """Return the presence events that can be read, the router's own among them."""
        for record in self.inputs["rep-presence"]:
            if isinstance(record.event, RepPresence):
                yield record.observed, record.event

    def dead_letters(self, observed: Observed) -> list[EventRejected]:
        """Return the dead letters of one record."""
        return self.rejected.get((observed.topic, observed.partition, observed.offset), [])


def gather(events: Iterable[Observed], topic_prefix: str = "") -> History:
    """Sort *events*, which may come in any order and any number of times, into a history."""
    history = History()
    seen: set[Place] = set()
    facts: dict[str, Observed] = {}
    for observed in events:
        place = (observed.topic, observed.partition, observed.offset)
        if place in seen:
            continue
        seen.add(place)
        if observed.topic in INPUT_TOPICS:
            history.inputs[observed.topic].append(Record(observed, _read_input(observed)))
        elif observed.ce_id in facts:
            history.faults.extend(_repeated(facts[observed.ce_id], observed))
        else:
            facts[observed.ce_id or observed.place] = observed
    for observed in sorted(facts.values(), key=_id_of):
        _add_output(history, observed, topic_prefix)
    _order(history)
    return history


def _id_of(observed: Observed) -> str:
    return observed.ce_id or observed.place


def _repeated(first: Observed, again: Observed) -> Iterable[Violation]:
    if first.ce_type != again.ce_type:
        problem = f"{first.place} is a {first.ce_type}, {again.place} under the same id a {again.ce_type}"
        yield Violation(7, f"event {again.ce_id}", problem)
    elif _said(first) != _said(again):
        problem = f"{first.place} and {again.place} have this id and differ in {_differences(first, again)}"
        yield Violation(7, f"event {again.ce_id}", problem)


def _said(observed: Observed) -> Mapping[str, Any] | None:
    data = observed.data
    if data is None:
        return None
    if observed.ce_type == "lead.decided.v1" and data.get("test") is True:
        return {name: data.get(name) for name in _OF_A_TEST}
    free = _MADE_AGAIN.get(observed.ce_type or "", ())
    return {name: value for name, value in data.items() if name not in free}


def _differences(first: Observed, again: Observed) -> str:
    one, two = _said(first) or {}, _said(again) or {}
    names = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    return ", ".join(names[:5]) or "whether there is any data"


def _read_input(observed: Observed) -> EventData | None:
    (ce_type, model), *_ = TOPICS[observed.topic].items()
    if observed.data is None or observed.ce_type not in {None, ce_type}:
        return None
    try:
        return model.model_validate(observed.data)
    except ValidationError:
        return None


def _add_output(history: History, observed: Observed, topic_prefix: str) -> None:
    ce_type = observed.ce_type or ""
    if TOPIC_OF_TYPE.get(ce_type) != observed.topic:
        history.faults.append(
            Violation(1, observed.place, f"the topic carries no {ce_type or 'event without ce_type'}")
        )
        return
    try:
        event = TOPICS[observed.topic][ce_type].model_validate(observed.data)
    except ValidationError as exc:
        fields = sorted({".".join(map(str, error["loc"])) for error in exc.errors()})
        problem = f"cannot be read as {ce_type}: {', '.join(fields[:5]) or 'no data'}"
        history.faults.append(Violation(1, observed.place, problem))
        return
    _file(history, ce_type, event, topic_prefix)


def _file(history: History, ce_type: str, event: EventData, topic_prefix: str) -> None:
    match event:
        case LeadDecided():
            history.decisions[event.submission_id].append(event)
        case AssignmentEvent():
            history.assignments.append(event)
        case SlaEvent():
            history.sla.append((ce_type, event))
        case NotificationRequested():
            history.notifications.append(event)
        case EventRejected():
            topic = event.source_topic.removeprefix(topic_prefix)
            history.rejected[topic, event.source_partition, event.source_offset].append(event)
        case _:  # no other model stands in TOPICS
            raise AssertionError(ce_type)


def _order(history: History) -> None:
    """Put assignments in order; of several under one sequence keep one, and remember how many there were."""
    by_sequence: dict[int, list[AssignmentEvent]] = defaultdict(list)
    for event in history.assignments:
        by_sequence[event.sequence].append(event)
    history.assignments = [by_sequence[sequence][0] for sequence in sorted(by_sequence)]
    history.shared_sequences = [
        (sequence, len(each)) for sequence, each in sorted(by_sequence.items()) if len(each) > 1
    ]


def events_of(records: Iterable[Record], model: type[E]) -> Iterable[tuple[Observed, E]]:
    """Return the records that can be read as *model*."""
    for record in records:
        if isinstance(record.event, model):
            yield record.observed, record.event
