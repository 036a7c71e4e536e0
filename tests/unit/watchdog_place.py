"""A place for a watchdog to look at, in memory: log and ledger say what a test has them say, and can be away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import orjson

from router.adapters.redis.standing import Standing
from router.bootstrap import CLOCK
from router.domain.audit import Auditor, Roster, Violation
from router.domain.audit.waiting import Waiting
from router.entrypoints.audit.rosters import Rosters
from router.entrypoints.watchdog.follow import Follower
from router.entrypoints.watchdog.readings import Readings
from router.entrypoints.watchdog.rounds import Rounds
from router.events.base import rfc3339
from router.ports import Lag, Received, Span
from tests.fakes import ManualClock, MemoryLedger, MemoryPublisher, Outage
from tests.unit.policy_text import load

if TYPE_CHECKING:
    from router.bootstrap import Outlook

WORKSPACE = "default"


@dataclass
class Ledger:
    """
    How the ledger stands; implements what `RedisStanding` does.

    * **outboxes** - since when the oldest entry stands there, at one look after the other; the last one stays.
    * **outage** - comes in the middle of a look.
    """

    standing: Standing
    outboxes: list[datetime | None] = field(default_factory=list)
    outage: Outage = field(default_factory=Outage)

    async def now(self, _: object = None) -> Standing:
        """Return how it stands, at this moment."""
        if self.outboxes:
            since = self.outboxes.pop(0)
            self.standing = replace(self.standing, outbox=int(since is not None), outbox_since=since)
        return replace(self.standing, at=CLOCK.now())

    async def policies(self) -> Mapping[str, str]:
        """Return no texts: a test gives the rosters what they need."""
        return {}

    async def open_leads(self) -> Sequence[str]:
        """Return no leads."""
        return ()

    async def waiting(self, _: int) -> Waiting:
        """Return an empty queue, or be away."""
        self.outage.happen("Redis")
        return Waiting(0, (), {}, {}, {})

    async def calendars_end(self) -> Mapping[str, object]:
        """Return no calendars."""
        return {}


@dataclass
class Book:
    """What the log holds; implements `router.ports.LogBook` as far as a look needs it."""

    held: dict[tuple[str, int, int], Received] = field(default_factory=dict)
    behind: list[Lag] = field(default_factory=list)
    ends: list[Span] = field(default_factory=list)

    async def spans(self, _: Sequence[str]) -> Sequence[Span]:
        """Return how far each partition goes."""
        return self.ends

    async def lags(self, _: str, topics: Sequence[str]) -> Sequence[Lag]:
        """Return how far the group is behind."""
        return [lag for lag in self.behind if lag.topic in topics]

    async def record(self, topic: str, partition: int, offset: int) -> Received | None:
        """Return one record."""
        return self.held.get((topic, partition, offset))


class Post:
    """A watchdog's looks, at servers in memory."""

    def __init__(self, folder: Path) -> None:
        policy = load(folder).policy
        self.ledger = Ledger(Standing(CLOCK.now(), 0, 0, None, 0, 0, None, None, 0, None, 0, "v1"))
        self.book = Book()
        self.log = MemoryPublisher()
        self.auditor = Auditor(Roster.of(policy))
        self.readings = Readings()
        servers = SimpleNamespace(
            log=SimpleNamespace(publisher=self.log),
            book=self.book,
            ledger=MemoryLedger(ManualClock()),
            standing=self.ledger,
            group="router-{}".format,
        )
        self.place = place = cast("Outlook", servers)
        rosters = Rosters()
        rosters.policies["v1"] = policy
        self.rounds = Rounds(
            place=place,
            workspace=WORKSPACE,
            auditor=self.auditor,
            follower=Follower(place, self.auditor, WORKSPACE),
            rosters=rosters,
            readings=self.readings,
            signer=None,
            since=CLOCK.now() - timedelta(hours=1),
            show=lambda _: None,
        )

    def told(self) -> list[str]:
        """Return what managers were told, each time that they were."""
        records = [record for record in self.log.records if record.topic == "rep-notifications"]
        return [orjson.loads(record.value or b"{}")["text"] for record in records]

    def sent(self) -> list[bytes]:
        """Return the ids of the submissions that were sent once more."""
        return [record.key or b"" for record in self.log.records if record.topic == "form-submissions"]

    def lose(self, offset: int) -> None:
        """Have a submission stand on the log that nobody decided, and the auditor know of it."""
        place = ("form-submissions", 0, offset)
        key = b"sub-%d" % offset
        data = {"submission_id": key.decode(), "submitted_at": rfc3339(CLOCK.now()), "form": "demo", "email": "k@x.org"}
        self.book.held[place] = Received(*place, key, orjson.dumps(data), {}, CLOCK.now())
        self.auditor.told.add(Violation(1, f"form-submissions/0@{offset}", "has no decision", lost=place))
