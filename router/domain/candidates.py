"""Says of each rep whether a lead could go to them, and if not why: the codes of the contract and their sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from router.events.assignment import CandidateCode

REASONS: Mapping[CandidateCode, str] = {
    "eligible": "{rep} can take the lead now",
    "inactive": "{rep} is not active",
    "offline": "{rep} is offline",
    "away": "{rep} is away",
    "busy": "{rep} is busy",
    "outside_hours": "{rep} is outside working hours",
    "holiday": "{rep} has a holiday",
    "at_capacity": "{rep} holds as many leads as they can",
    "daily_limit": "{rep} has had today's number of leads",
    "no_match": "{rep} does not match this lead",
    "already_tried": "{rep} has had this lead before",
    "later_step": "{rep} comes in at a later step",
}


def sentence(code: CandidateCode, rep: str) -> str:
    """
    Say a code in words; *rep* is a name or an id.

    >>> sentence("busy", "Ana")
    'Ana is busy'
    """
    return REASONS[code].format(rep=rep)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rep who was looked at."""

    rep_id: str
    eligible: bool
    code: CandidateCode
    reason: str
