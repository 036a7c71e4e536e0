"""
The world around the router in the demo: people send forms, reps say that they are there and answer what they get.

It sees only what stands on the topics, as the tools of real reps would. Sending is
left to the caller: `due` says what is to be sent by now.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from router.demo.script import Move, RepScript, Sign, rep_scripts, submissions
from router.domain.audit.observed import Observed
from router.events.base import parse_instant, rfc3339
from router.ports import Outgoing

FIRST_FORM_AFTER = timedelta(milliseconds=100)
"""Reps arrive before the forms do."""

Turn = tuple[str, int]
"""A lead and the attempt by which a rep has it."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """One record to send; one that answers a turn is not sent once that turn is over."""

    record: Outgoing
    answers: Turn | None = None


class Cast:
    """One run of the example from *start* on."""

    def __init__(self, start: datetime) -> None:
        self._scripts: Mapping[str, RepScript] = rep_scripts()
        self._offers: Counter[str] = Counter()
        self._seen: set[Turn] = set()
        self._over: set[Turn] = set()
        self._due: list[tuple[datetime, int, _Planned]] = []
        self._order = itertools.count()
        for rep_id, script in self._scripts.items():
            for sign in script.presence:
                self._tell(rep_id, sign, start + sign.after)
        forms = submissions(start + FIRST_FORM_AFTER)
        for planned in forms:
            key = str(planned.data["submission_id"])
            self._plan(planned.at, Outgoing("form-submissions", key.encode(), orjson.dumps(planned.data)))
        self.lasts = forms[-1].at - start
        """How long forms go on coming."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to send, unless something new is seen."""
        return not self._due

    def due(self, now: datetime) -> Sequence[Outgoing]:
        """Return what is to be sent by *now*, once."""
        records: list[Outgoing] = []
        while self._due and self._due[0][0] <= now:
            planned = heapq.heappop(self._due)[2]
            if planned.answers not in self._over:
                records.append(planned.record)
        return records

    def see(self, seen: Observed) -> None:
        """React to a record of the topics; one that comes again changes nothing."""
        data = seen.data or {}
        match seen.ce_type:
            case "lead.assigned.v1" if (turn := (data["lead_id"], data["attempt"])) not in self._seen:
                self._seen.add(turn)
                self._answer(data)
            case "lead.unassigned.v1":
                self._over.add((data["lead_id"], data["attempt"]))
            case "rep.presence.v1" if data.get("source") == "router":
                script = self._scripts[data["rep_id"]]
                back = parse_instant(data["at"]) + script.returns_after
                self._tell(script.rep_id, Sign(timedelta(), "available", 0), back)

    def _answer(self, assigned: Mapping[str, Any]) -> None:
        rep_id = assigned["rep_id"]
        self._offers[rep_id] += 1
        moves = self._scripts[rep_id].answer(self._offers[rep_id], must_accept=assigned["accept_by"] is not None)
        for move in moves:
            self._act(assigned, move)

    def _act(self, assigned: Mapping[str, Any], move: Move) -> None:
        at = parse_instant(assigned["at"]) + move.after
        data = {
            "action_id": f"{move.action}-{assigned['sequence']}",
            "lead_id": assigned["lead_id"],
            "rep_id": assigned["rep_id"],
            "action": move.action,
            "at": rfc3339(at),
            "attempt": assigned["attempt"],
            **({"channel": "call"} if move.action == "touch" else {}),
        }
        record = Outgoing("rep-actions", assigned["lead_id"].encode(), orjson.dumps(data))
        self._plan(at, record, (assigned["lead_id"], assigned["attempt"]))

    def _tell(self, rep_id: str, sign: Sign, at: datetime) -> None:
        data = {"rep_id": rep_id, "status": sign.status, "at": rfc3339(at), "ttl_seconds": sign.ttl_seconds}
        self._plan(at, Outgoing("rep-presence", rep_id.encode(), orjson.dumps(data)))

    def _plan(self, at: datetime, record: Outgoing, answers: Turn | None = None) -> None:
        heapq.heappush(self._due, (at, next(self._order), _Planned(record, answers)))
