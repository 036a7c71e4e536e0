"""
What the other topics tell: decisions of all leads; clocks and notifications of those that are open.

Read after `course`, so that it is known which leads are open and since when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.domain.ledger.state import Lead
from router.domain.rebuild.course import Courses, Opening, Past
from router.domain.rebuild.instants import millis

Data = Mapping[str, Any]
NobodyId = Callable[[str, str, int, str], str]
"""Gives the id of the notification that nobody is there: for (manager, lead, attempt, submission)."""


@dataclass(slots=True)
class Decisions:
    """
    The decisions.

    * **of_open** - of each open lead: (at, data) of the one that opened it, then of those attached to it.
    * **ids** - submission -> when it was decided, since `remembered_from`.
    * **companies** - the company of each lead, as far as decisions name it.
    """

    courses: Courses
    remembered_from: int
    of_open: dict[str, list[tuple[int, Data]]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    companies: dict[str, str] = field(default_factory=dict)
    decided: int = 0

    def take(self, data: Data, at: int) -> None:
        """Take a decision that the ledger settled at *at* (ms); those of test submissions never came to it."""
        if data["test"]:
            return
        name, sub = data["lead_id"], data["submission_id"]
        if at >= self.remembered_from:
            self.ids.setdefault(sub, at)
        domain = data["enrichment"]["fields"].get("domain")
        if domain:
            self.companies[name] = str(domain)
        opening = self.courses.open.get(name)
        if opening is None:
            opening = self._of_one_that_is_not_open(name, data, at)
        else:
            opening.lead.first = min(opening.lead.first, at)
        if opening is not None and (
            sub == opening.lead.sub or (data["to"] == "attached" and at >= opening.lead.opened)
        ):
            known = self.of_open.setdefault(name, [])
            if all(one["submission_id"] != sub for _, one in known):
                known.append((at, data))

    def _of_one_that_is_not_open(self, name: str, data: Data, at: int) -> Opening | None:
        """Note that the lead was heard of; where it went to sales after all that is told of it, it was never placed."""
        past = self.courses.over.get(name)
        if past is None:
            past = self.courses.over[name] = Past(first=at)
        past.first = min(past.first, at)
        if data["to"] != "sales" or at <= past.at:
            return None
        del self.courses.over[name]
        lead = Lead(
            name,
            first=past.first,
            attempt=past.attempt,
            last_rep=past.last_rep,
            owners=() if past.last_rep is None else (past.last_rep,),
            sub=data["submission_id"],
            submitted=millis(data["submitted_at"]),
            opened=at,
            unheld_since=at,
        )
        opening = self.courses.open[name] = Opening(lead, past, turn=past.turn)
        return opening

    def in_order(self, name: str) -> list[tuple[int, Data]]:
        """Return the decisions of an open lead: the one that opened it first, where it was found."""
        sub = self.courses.open[name].lead.sub
        return sorted(self.of_open.get(name, ()), key=lambda one: (one[1]["submission_id"] != sub, one[0]))


@dataclass(slots=True)
class Told:
    """What was told of open leads: `breached` when, `warned` of which thresholds; `reminded` and `nobody` are leads."""

    courses: Courses
    nobody_id: NobodyId
    breached: dict[str, int] = field(default_factory=dict)
    warned: dict[str, set[float]] = field(default_factory=dict)
    reminded: set[str] = field(default_factory=set)
    nobody: set[str] = field(default_factory=set)

    def clock(self, kind: str, data: Data) -> None:
        """Take an event of a clock; *kind* is the middle of its type, as in `sla.warned.v1`."""
        name = data["lead_id"]
        opening = self.courses.open.get(name)
        if opening is None or opening.lead.sub != data["submission_id"]:
            return
        if kind == "breached":
            self.breached[name] = millis(data["at"])
        elif kind == "warned":
            self.warned.setdefault(name, set()).add(data["threshold"])

    def notification(self, data: Data) -> None:
        """Take a notification."""
        opening = self.courses.open.get(data["lead_id"])
        if opening is None:
            return
        lead, attempt = opening.lead, data["attempt"]
        if data["kind"] == "reminder" and attempt == lead.attempt:
            self.reminded.add(lead.id)
        elif data["kind"] == "no_rep_available":
            nobody = self.nobody_id(data["recipient"]["id"], lead.id, attempt, lead.sub)
            if nobody == data["notification_id"]:
                self.nobody.add(lead.id)
