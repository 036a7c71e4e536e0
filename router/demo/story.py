"""
What has happened so far, folded from the records of the topics: the state that the live view shows.

It knows no more than the topics do, and takes time from the events. How it looks is left to `view` and `lines`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from router.demo.rows import Clock, Decided, Handed, News, RepState
from router.demo.wording import company, lost, main_reason, passed_over, person, why
from router.domain.audit.observed import Observed
from router.domain.policy import Policy
from router.events.base import parse_instant
from router.ports import Received

KEPT = 200
OVER = frozenset({"sla.met.v1", "sla.resolved.v1", "sla.cancelled.v1"})


def observe(record: Received) -> Observed:
    """Return a record as the audit and the story want it."""
    try:
        data = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError:
        data = None
    header = {name: value.decode() for name, value in record.headers.items()}
    known = data if isinstance(data, dict) else None
    return Observed(record.topic, record.partition, record.offset, header.get("ce_type"), header.get("ce_id"), known)


class Story:
    """One run. `see` takes each record of the topics; one that comes again changes nothing."""

    def __init__(self, policy: Policy, start: datetime) -> None:
        self.start = start
        self.policy = policy
        self.reps = {rep.id: RepState(rep.id, rep.name, rep.capacity) for rep in policy.reps.values()}
        self.decided: deque[Decided] = deque(maxlen=KEPT)
        self.handed: deque[Handed] = deque(maxlen=KEPT)
        self.news: deque[News] = deque(maxlen=KEPT)
        self.clocks: dict[tuple[str, str], Clock] = {}
        self.counts: Counter[str] = Counter()
        self.first_assigned_at: datetime | None = None
        self._forms: dict[str, Mapping[str, Any]] = {}
        self._unanswered: dict[str, int] = {}
        self._names: dict[str, tuple[str, str]] = {}
        self._seen: set[str] = set()

    @property
    def over(self) -> bool:
        """Whether everything that was seen has come to its end: forms answered, clocks stopped, leads called."""
        return not self._unanswered and all(clock.ended for clock in self.clocks.values())

    def unfinished(self) -> str:
        """Say what has not come to its end."""
        clocks = sum(not clock.ended for clock in self.clocks.values())
        return f"{len(self._unanswered)} forms without a decision, {clocks} leads without an end"

    def name(self, rep_id: str | None) -> str:
        """Return a rep's first name."""
        rep = self.reps.get(rep_id or "")
        return rep.name.partition(" ")[0] if rep is not None else rep_id or "nobody"

    def who(self, lead_id: str) -> tuple[str, str]:
        """Return the name and the company of a lead."""
        return self._names.get(lead_id, ("somebody", ""))

    def clock(self, data: Mapping[str, Any]) -> Clock:
        """Return the clock that an event of `lead-assignments` or `sla-events` is about."""
        key = (data["lead_id"], data["submission_id"])
        if key not in self.clocks:
            who, where = self.who(data["lead_id"])
            self.clocks[key] = Clock(data["lead_id"], who, where, parse_instant(data["submitted_at"]), None)
        return self.clocks[key]

    def running(self) -> Iterator[Clock]:
        """Yield the clocks that run."""
        return (clock for clock in self.clocks.values() if not clock.ended)

    def waiting(self) -> int:
        """Return how many leads wait for a rep."""
        return sum(clock.rep_id is None for clock in self.running())

    def others(self) -> int:
        """Return how many forms neither went to sales nor to nurture."""
        return sum(self.counts[each] for each in ("to none", "to attached", "test", "unreadable"))

    def see(self, seen: Observed) -> bool:
        """Take one record in; return whether it was new."""
        if seen.ce_id is not None and seen.topic != "form-submissions":
            if seen.ce_id in self._seen:
                return False
            self._seen.add(seen.ce_id)
        if seen.data is not None:
            self._take(seen, seen.data)
        return True

    def _take(self, seen: Observed, data: Mapping[str, Any]) -> None:
        match seen.topic:
            case "form-submissions":
                self._submitted(seen.offset, data)
            case "rep-presence":
                self._present(data)
            case "lead-decisions":
                self._decision(data)
            case "lead-assignments":
                self._assignment(str(seen.ce_type), data)
            case "sla-events":
                self._clock_turned(str(seen.ce_type), data)
            case "dead-letters":
                self._rejected(data)

    def _submitted(self, offset: int, data: Mapping[str, Any]) -> None:
        self.counts["forms"] += 1
        if data["submission_id"] not in self._forms:
            self._forms[data["submission_id"]] = data
            self._unanswered[data["submission_id"]] = offset

    def _present(self, data: Mapping[str, Any]) -> None:
        if (rep := self.reps.get(data["rep_id"])) is not None:
            ttl = data.get("ttl_seconds", 0)
            rep.status = data["status"]
            at = parse_instant(data["at"])
            rep.expires_at = at + timedelta(seconds=ttl) if ttl else None
            set_so = "is set" if data.get("source") == "router" else "is"
            self.news.append(News(at, "presence", f"{self.name(rep.rep_id)} {set_so} {rep.status}"))

    def _decision(self, data: Mapping[str, Any]) -> None:
        form = self._forms.get(data["submission_id"], {})
        self._unanswered.pop(data["submission_id"], None)
        who, where = person(form), str(data["enrichment"]["fields"].get("name") or company(form))
        self._names.setdefault(data["lead_id"], (who, where))
        self.counts["decided"] += 1
        self.counts["test" if data["test"] else f"to {data['to']}"] += 1
        self.decided.append(
            Decided(
                at=parse_instant(data["decided_at"]),
                lead_id=data["lead_id"],
                who=who,
                company=where,
                asked=str(data["reasons"][0]),
                stage=data["stage"],
                to="test" if data["test"] else data["to"],
                tags=tuple(data["tags"]),
                reason=main_reason(data),
            )
        )
        if data["to"] == "sales" and not data["test"]:
            clock = self.clock(data)
            clock.who, clock.company = who, where
            clock.due_at = clock.due_at or _moment(data["touch_by"])

    def _assignment(self, ce_type: str, data: Mapping[str, Any]) -> None:
        clock = self.clock(data)
        clock.due_at = _moment(data["touch_by"]) or clock.due_at
        rep = self.reps.get(data["rep_id"] or "")
        match ce_type:
            case "lead.assigned.v1":
                self._handed(data, clock)
            case "lead.accepted.v1":
                clock.accepted = True
            case "lead.unassigned.v1" if rep is not None:
                rep.held.discard(data["lead_id"])
                rep.lost[data["reason"]] += 1
                clock.rep_id, clock.accepted = None, False
                told = f"{self.name(rep.rep_id)} {lost(data['reason'])}: {clock.company or clock.who}"
                self.news.append(News(parse_instant(data["at"]), "back", told))
            case "lead.touched.v1" | "lead.closed.v1":
                self._finished(ce_type, data, clock)

    def _handed(self, data: Mapping[str, Any], clock: Clock) -> None:
        at = parse_instant(data["at"])
        self.first_assigned_at = min(self.first_assigned_at or at, at)
        clock.rep_id, clock.accepted = data["rep_id"], data["accept_by"] is None
        if data["rep_id"] in self.reps:
            self.reps[data["rep_id"]].held.add(data["lead_id"])
        who, where = self.who(data["lead_id"])
        told = tuple(passed_over(data))
        self.handed.append(Handed(at, data["rep_id"], who, where, data["attempt"], why(data, self.policy), told))

    def _finished(self, ce_type: str, data: Mapping[str, Any], clock: Clock) -> None:
        for rep in self.reps.values():
            rep.held.discard(data["lead_id"])
        if ce_type == "lead.touched.v1":
            clock.called_at = parse_instant(data["acted_at"])
            if data["rep_id"] in self.reps:
                self.reps[data["rep_id"]].called += 1
        clock.ended = clock.ended or clock.due_at is None  # with a due time, the clock's own event ends it

    def _clock_turned(self, ce_type: str, data: Mapping[str, Any]) -> None:
        clock = self.clock(data)
        self.counts[ce_type.removeprefix("sla.").removesuffix(".v1")] += 1
        if ce_type == "sla.breached.v1":
            clock.breached = True
            told = f"{clock.company or clock.who} has waited too long"
            self.news.append(News(parse_instant(data["at"]), "breached", told))
        clock.ended = clock.ended or ce_type in OVER

    def _rejected(self, data: Mapping[str, Any]) -> None:
        self.counts["unreadable"] += 1
        self.news.append(
            News(parse_instant(data["rejected_at"]), "unreadable", "a form that nobody can read is set aside")
        )
        if data["source_topic"] == "form-submissions":
            place = data["source_offset"]
            self._unanswered = {name: at for name, at in self._unanswered.items() if at != place}


def _moment(text: str | None) -> datetime | None:
    return parse_instant(text) if text else None
