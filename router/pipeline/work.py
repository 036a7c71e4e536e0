"""One event on its way through the steps, and what the steps have found out about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from router.domain.company import CompanyFacts
from router.domain.decision import Decision
from router.domain.identity import Identity
from router.domain.ledger.verbs import Verb
from router.domain.policy import Policy
from router.domain.routing import Audience
from router.errors import InvalidEvent
from router.events.base import EventData
from router.events.envelope import Incoming
from router.ports import Activity, Applied, Received

E = TypeVar("E", bound=EventData)


@dataclass(slots=True)
class Work:
    """
    What is known of one record so far; each step fills in its part.

    A work with a `rejection` is passed over by the steps that follow, until
    `publish` makes it a dead letter.
    """

    record: Received
    incoming: Incoming | None = None
    rejection: InvalidEvent | None = None
    identity: Identity | None = None
    company: CompanyFacts | None = None
    engagement: float = 0.0
    decision: Decision | None = None
    audiences: tuple[Audience, ...] = ()
    activity: Activity | None = None
    verb: Verb | None = None
    applied: Applied | None = None

    def event(self, kind: type[E]) -> E:
        """Return the data, which the topic of the record makes a *kind*."""
        assert self.incoming is not None  # noqa: S101 - `decode` comes first in every row of the table
        assert isinstance(self.incoming.data, kind)  # noqa: S101 - and knows the topic's one type
        return self.incoming.data

    @property
    def trace(self) -> str | None:
        """The traceparent that the event came with."""
        return self.incoming.traceparent if self.incoming else None


@dataclass(slots=True)
class InForce:
    """
    The policy in force, as far as this worker knows.

    * **known_audiences** - the ids that the ledger has been told of under it.
    * **version** - its name in the ledger; another one than the policy's own only where another release installed it.
    * **follow** - asks the ledger, and returns what is in force now.
    """

    policy: Policy
    known_audiences: set[str] = field(default_factory=set)
    version: str = ""
    follow: Callable[[], Awaitable[InForce]] | None = None

    def __post_init__(self) -> None:
        """Take the policy's own version where none is given."""
        self.version = self.version or self.policy.version

    def put(self, policy: Policy, version: str) -> None:
        """Put another policy in its place, with all that is known of it, in one go."""
        self.policy, self.version, self.known_audiences = policy, version, set()

    def at_this_moment(self) -> InForce:
        """Return what is in force now, for a batch to go on by whatever comes in force meanwhile."""
        return InForce(self.policy, self.known_audiences, self.version, self.follow)

    async def newest(self) -> InForce:
        """Return what is in force in the ledger now."""
        return self.at_this_moment() if self.follow is None else await self.follow()


def going(works: Sequence[Work]) -> Iterator[Work]:
    """Yield the works that nothing has been found wrong with."""
    return (work for work in works if work.rejection is None)


def each(works: Sequence[Work], do: Callable[[Work], None]) -> None:
    """Do something with each work that is going; one that it refuses is marked."""
    for work in going(works):
        try:
            do(work)
        except InvalidEvent as refused:
            work.rejection = refused
