"""Who may take leads, by all the policies that were ever in force: the ledger keeps their texts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta

from router.domain.audit import Roster
from router.domain.policy import Policy
from router.policy.load import restore
from router.policy.problems import PolicyInvalid

LONGEST_WITHOUT_POLICY = timedelta(days=7)


class Rosters:
    """
    The policies that the ledger keeps, each read once.

    * **unread** - the versions that this release cannot read.
    """

    def __init__(self) -> None:
        self.policies: dict[str, Policy] = {}
        self.unread: set[str] = set()

    async def take(self, texts: Mapping[str, str]) -> bool:
        """Read the policies that are new; return whether there were any."""
        new = texts.keys() - self.policies.keys() - self.unread
        for version in new:
            try:
                self.policies[version] = await asyncio.to_thread(restore, texts[version])
            except PolicyInvalid:
                self.unread.add(version)
        return bool(new)

    def roster(self, named: AbstractSet[str]) -> Roster:
        """Return who may take leads; not complete where a policy is unknown that a record has *named*."""
        roster = Roster.of(*self.policies.values())
        known = bool(self.policies) and not self.unread and named <= self.policies.keys()
        return roster if known else Roster(roster.reps, complete=False)

    @property
    def remembered_for(self) -> timedelta:
        """Return how long the router remembers a submission at the longest."""
        ages = [timedelta(milliseconds=policy.limits.max_age) for policy in self.policies.values()]
        return max(ages, default=LONGEST_WITHOUT_POLICY) + timedelta(days=1)
