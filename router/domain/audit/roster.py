"""Who may take leads, and how many: the part of a policy that promises 3 and 4 are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.domain.policy import Policy


def always(_at: datetime) -> bool:
    """Answer for a rep without a calendar."""
    return True


@dataclass(frozen=True, slots=True)
class RosterRep:
    """How many leads a rep may hold, whether leads go to them at all, and when they work."""

    capacity: int
    active: bool = True
    is_open: Callable[[datetime], bool] = always


@dataclass(frozen=True, slots=True)
class Roster:
    """
    The reps of all policies that were in force while the history was made.

    A topic does not show at which moment one policy followed another. So a rep
    counts with the largest capacity, and as active and in hours when any policy
    says so: what no policy allowed is a violation for certain.
    """

    reps: Mapping[str, RosterRep]

    @classmethod
    def of(cls, *policies: Policy) -> Roster:
        """Return the roster of *policies*; usually there is one."""
        found: dict[str, list[RosterRep]] = {}
        for policy in policies:
            for rep in policy.reps.values():
                hours = always if rep.calendar is None else policy.calendars[rep.calendar].is_open
                found.setdefault(rep.id, []).append(RosterRep(rep.capacity, rep.active, hours))
        return cls({rep_id: _widest(reps) for rep_id, reps in found.items()})


def _widest(reps: list[RosterRep]) -> RosterRep:
    if len(reps) == 1:
        return reps[0]
    hours = [rep.is_open for rep in reps if rep.active]
    return RosterRep(
        capacity=max(rep.capacity for rep in reps),
        active=any(rep.active for rep in reps),
        is_open=lambda at: any(is_open(at) for is_open in hours),
    )
