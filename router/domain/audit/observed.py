"""
What the audit is given and what it says: records as they stand on the topics, and violations.

Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Observed:
    """
    One record of one topic, by the topic's short name.

    * **ce_type**, **ce_id** - None on bare input; the topic then tells the type.
    * **data** - the event's data as JSON gives it, None where the value is no JSON object.
    * **written_at** - when the log took it, where that is known. It makes two judgements sharper: which
      input may still be on its way, and from when on a presence whose `at` lies ahead was in force.
    """

    topic: str
    partition: int
    offset: int
    ce_type: str | None
    ce_id: str | None
    data: Mapping[str, Any] | None
    written_at: datetime | None = None

    @property
    def where(self) -> tuple[str, int, int]:
        """Return where the record stands: topic, partition, offset."""
        return self.topic, self.partition, self.offset

    @property
    def place(self) -> str:
        """Return where the record stands, as `topic/partition@offset`."""
        return written(self.where)


def written(place: tuple[str, int, int]) -> str:
    """
    Write where a record stands.

    >>> written(("rep-actions", 0, 7))
    'rep-actions/0@7'
    """
    topic, partition, offset = place
    return f"{topic}/{partition}@{offset}"


@dataclass(frozen=True, slots=True)
class Violation:
    """
    One broken promise: its number in the contract, of whom or what, and how it shows.

    * **about** - the same for the same fault, where `problem` tells of something that grows.
    * **lost** - where the submission stands that was neither decided nor rejected.
    """

    promise: int
    subject: str
    problem: str
    about: str = field(default="", compare=False)
    lost: tuple[str, int, int] | None = field(default=None, compare=False)

    @property
    def identity(self) -> tuple[int, str, str]:
        """Return what makes it the same fault when it is seen again."""
        return self.promise, self.subject, self.about or self.problem

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.subject}: {self.problem}"

    def held_short(self) -> Violation:
        """Return it with texts of bounded length, whatever ids the records carried."""
        return replace(self, subject=clip(self.subject), problem=clip(self.problem, 2 * LONGEST))


def clip(text: str, longest: int = LONGEST) -> str:
    """
    Shorten *text* to *longest* characters.

    >>> clip("lead " + "x" * 40, 12)
    'lead xxxxxx…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """
    How far a correct history may stray from the letter, because a topic does not show when the ledger saw an event.

    * **grace** - how long news of a presence may take to the ledger, and how far a producer's clock may be off.
      Raise it to the length of the outage where processes were killed.
    * **breach** - how late a breach may be recorded after it was due.
    * **told** - how late it may be on the topic; only without `strict_end`.
    * **settle** - input younger than this may still be on its way; only without `strict_end`.
    * **rounding** - sums of milliseconds that were rounded one by one.
    * **presence_since** - from when on `rep-presence` is retained; None where it is complete.
    * **letters_since** - the same of `dead-letters`: older input may have had one that is gone.
    """

    grace: timedelta = timedelta(seconds=2)
    breach: timedelta = timedelta(seconds=1)
    told: timedelta = timedelta(seconds=2)
    settle: timedelta = timedelta(seconds=10)
    rounding: timedelta = timedelta(milliseconds=2)
    presence_since: datetime | None = None
    letters_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Horizon:
    """
    Up to when the records go, and whether everything should have come to its end by then.

    * **read_at** - when the topics are read, where that is later: what their retention is counted from.
    """

    until: datetime
    strict_end: bool
    tolerance: Tolerance
    read_at: datetime | None = None

    @property
    def now(self) -> datetime:
        """Return when the topics are read."""
        return self.read_at or self.until

    def settled(self, since: datetime | None) -> bool:
        """Return whether what happened at *since* must have had its effect; None, unknown, only at a strict end."""
        return self.strict_end or (since is not None and since + self.tolerance.settle <= self.until)

    def unanswered(self, since: datetime | None) -> bool:
        """Return whether input of *since* must have had its dead letter, and it would still be there."""
        kept = self.tolerance.letters_since
        return self.settled(since) and (kept is None or (since is not None and since >= kept))

    def told(self, due: datetime) -> bool:
        """Return whether what was due at *due* must be on the topic."""
        return due + self.tolerance.told <= self.until
