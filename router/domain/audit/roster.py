"""Who may take leads, and how many: the part of a policy that promises 3 and 4 are about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
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

    * **complete** - False where some policy is not known: then what no policy here allows may still be right.
    * **since** - for who knows it all the same: the sequence from which on each policy was in force, with its
      roster, in order. Then every assignment is judged by the policy of its moment.
    """

    reps: Mapping[str, RosterRep]
    since: tuple[tuple[int, Roster], ...] = ()
    complete: bool = True

    @classmethod
    def of(cls, *policies: Policy) -> Roster:
        """Return the roster of *policies*; usually there is one."""
        found: dict[str, list[RosterRep]] = {}
        for policy in policies:
            for rep in policy.reps.values():
                hours = always if rep.calendar is None else policy.calendars[rep.calendar].is_open
                found.setdefault(rep.id, []).append(RosterRep(rep.capacity, rep.active, hours))
        return cls({rep_id: _widest(reps) for rep_id, reps in found.items()})

    @classmethod
    def succession(cls, policies: Iterable[tuple[int, Policy]]) -> Roster:
        """Return the roster of policies that came into force one after another, each from a known sequence on."""
        following = tuple(policies)
        since = tuple((first, cls.of(policy)) for first, policy in following)
        return cls(cls.of(*(policy for _, policy in following)).reps, since)

    def rep_at(self, rep_id: str | None, sequence: int) -> RosterRep | None:
        """Return what the policy in force at *sequence* says of a rep; None where it names no such rep."""
        if not self.complete:
            return _ANYBODY
        place = bisect_right(self.since, sequence, key=_first) - 1
        reps = self.since[place][1].reps if place >= 0 else self.reps
        return reps.get(rep_id or "")


_ANYBODY = RosterRep(capacity=1 << 53)


def _first(entry: tuple[int, Roster]) -> int:
    return entry[0]


def _widest(reps: list[RosterRep]) -> RosterRep:
    if len(reps) == 1:
        return reps[0]
    hours = [rep.is_open for rep in reps if rep.active]
    return RosterRep(
        capacity=max(rep.capacity for rep in reps),
        active=any(rep.active for rep in reps),
        is_open=lambda at: any(is_open(at) for is_open in hours),
    )
