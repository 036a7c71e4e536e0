"""
The course of every lead, from `lead-assignments` in the order of `sequence`.

An open lead is followed as the ledger's own `Lead`; of one that is over only
that is kept which the ledger keeps too, so the memory needed is that of the
leads there are, however many events told of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.domain.ledger.state import Lead
from router.domain.rebuild.instants import millis, optional
from router.domain.rebuild.team import Team

Data = Mapping[str, Any]


@dataclass(slots=True)
class Past:
    """What is left of a lead that is over, or was never opened."""

    first: int = 0
    state: str = "seen"
    attempt: int = 0
    at: int = 0  # when it was over, or last decided
    last_rep: str | None = None
    turn: int = 0  # the sequence of what made them the last
    seq: int = 0
    acted_at: int = 0  # when it was touched, by the word of who did
    erased: int | None = None  # when its person was erased last
    sub: str = ""  # that, `submitted` and `policy` are of the submission that opened it last: an erasure names them
    submitted: int = 0
    policy: str = ""


@dataclass(slots=True)
class Opening:
    """
    An open lead, and what of its course is needed to furnish it.

    * **lead** - as far as assignments tell.
    * **turns** - (at, whether a rep held it from then on), the oldest first.
    * **touch_by** - as the last assignment told it, at `told_at`.
    * **loose** - what must follow the last assignment has not been told.
    """

    lead: Lead
    before: Past
    turns: list[tuple[int, bool]] = field(default_factory=list)
    touch_by: int | None = None
    told_at: int = 0
    turn: int = 0
    seq: int = 0
    was_held: bool = False
    acted_at: int = 0
    pool: str | None = None  # from which it was last assigned

    @property
    def loose(self) -> bool:
        """Whether the lead was taken from its rep and nothing is known to have followed."""
        return self.lead.state == "seen"

    def held_before(self, at: int) -> bool:
        """Tell whether a rep held the lead just before *at*."""
        return next((held for since, held in reversed(self.turns) if since < at), False)


class Courses:
    """All leads that assignments tell of; `team` hears of what they mean for reps."""

    def __init__(self, team: Team) -> None:
        self.over: dict[str, Past] = {}
        self.open: dict[str, Opening] = {}
        self.team = team

    def follow(self, kind: str, data: Data) -> None:
        """Take the next assignment; *kind* is the middle of its type, as in `lead.queued.v1`."""
        name, seq, at = data["lead_id"], data["sequence"], millis(data["at"])
        opening = self.open.get(name)
        if opening is None and kind == "closed":
            self._erased_when_over(name, data, at)
            return
        if opening is None:
            opening = self._opened(name, data, at)
            if opening is None:
                return
        elif seq < opening.seq:  # it came late, when others had been told of already
            opening.lead.attempt = max(opening.lead.attempt, data["attempt"])
            return
        opening.seq = seq
        _turn(opening, kind, data, at)
        self.team.hears(kind, data, at, opening.lead.rep)
        if kind in ("touched", "closed"):
            self._end(opening, kind, at)
            if data.get("reason") == "erased":
                self.over[name] = _nobody(self.over[name], at)

    def _erased_when_over(self, name: str, data: Data, at: int) -> None:
        """Take note that a lead that is over is forgotten: nothing else closes such a one."""
        past = self.over.get(name) or Past(first=at, attempt=data["attempt"])
        if data["sequence"] > past.seq:
            past.seq = data["sequence"]
            self.over[name] = _nobody(past, at)

    def erased(self, name: str) -> int:
        """Return when the person behind a lead was erased last, as far as assignments tell; 0 where they were not."""
        opening = self.open.get(name)
        erased = opening.lead.erased if opening is not None else self.over[name].erased if name in self.over else None
        return erased or 0

    def _opened(self, name: str, data: Data, at: int) -> Opening | None:
        past = self.over.pop(name, None) or Past(first=at)
        if data["sequence"] < past.seq:
            past.attempt = max(past.attempt, data["attempt"])
            self.over[name] = past
            return None
        lead = Lead(
            name,
            first=past.first,
            attempt=past.attempt,
            last_rep=past.last_rep,
            owners=() if past.last_rep is None else (past.last_rep,),
            erased=past.erased,
            sub=data["submission_id"],
            submitted=millis(data["submitted_at"]),
            opened=at,
            unheld_since=at,
        )
        opening = self.open[name] = Opening(lead, past, turn=past.turn)
        return opening

    def _end(self, opening: Opening, state: str, at: int) -> None:
        lead = opening.lead
        del self.open[lead.id]
        self.over[lead.id] = Past(
            lead.first,
            state,
            lead.attempt,
            at,
            lead.last_rep,
            opening.turn,
            opening.seq,
            opening.acted_at,
            lead.erased,
            lead.sub,
            lead.submitted,
            lead.policy,
        )


def _nobody(past: Past, at: int) -> Past:
    """Return what is left of a lead whose person was erased."""
    return Past(past.first, "closed", past.attempt, at, seq=past.seq, erased=at)


def _turn(opening: Opening, kind: str, data: Data, at: int) -> None:
    lead = opening.lead
    lead.route, lead.policy = data["route"], data["policy_version"]
    opening.touch_by, opening.told_at = optional(data["touch_by"]), at
    match kind:
        case "queued":
            lead.state = "waiting"
            opening.turns.append((at, False))
        case "assigned":
            _assigned(opening, data, at)
        case "accepted":
            lead.state, lead.rep, lead.attempt, lead.accept_by = "accepted", data["rep_id"], data["attempt"], None
            lead.accept_ms = at - lead.assigned_at
        case "unassigned":
            _unassigned(opening, data["reason"], at)
        case "touched":
            lead.last_rep, opening.turn = data["rep_id"], data["sequence"]
            opening.acted_at = millis(data["acted_at"])


def _assigned(opening: Opening, data: Data, at: int) -> None:
    lead = opening.lead
    lead.unheld_ms += max(0, at - lead.unheld_since)
    lead.state, lead.attempt = "held", data["attempt"]
    lead.rep = lead.last_rep = data["rep_id"]
    lead.step, lead.pool = data["step"], data["pool"]
    lead.assigned_at, lead.accept_ms, lead.accept_by = at, 0, optional(data["accept_by"])
    lead.considered, opening.pool = data["considered"], data["pool"] or opening.pool
    opening.turn, opening.was_held = data["sequence"], True
    opening.turns.append((at, True))


def _unassigned(opening: Opening, reason: str, at: int) -> None:
    lead = opening.lead
    if reason != "rep_unavailable" and lead.rep is not None:
        lead.tried[lead.rep] = at
        lead.tries += 1
    lead.parked = reason != "rep_unavailable"  # if it has had all its attempts: the limits in force will say
    lead.state, lead.unheld_since, lead.accept_by = "seen", at, None
    lead.rep = lead.step = lead.pool = None
    opening.turns.append((at, False))
