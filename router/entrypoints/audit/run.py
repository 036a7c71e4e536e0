"""
Reads the topics once, from the beginning or from a moment on, and judges them.

First it asks up to when all is settled (`horizon`), then it reads. What would be a
violation only if something were not before the window is looked up before it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.bootstrap import CLOCK, Outlook, outlook
from router.domain.audit import Auditor, Report, Tolerance, Violation, Window
from router.entrypoints.audit.horizon import Settled, published, settled
from router.entrypoints.audit.rosters import Rosters
from router.errors import InvalidEvent
from router.events import TOPICS
from router.events.envelope import peek
from router.pipeline.observing import observe
from router.ports import Span
from router.settings import Settings

GRACE = timedelta(seconds=10)
PATIENCE = timedelta(minutes=5)
"""How far a record may stand from where its time says; what is younger than this while reading is not let go."""

MARGIN = timedelta(minutes=1)
JUDGED_EVERY = 2_000  # records
SHOWN_EVERY = 5_000
NEEDED_WHOLE = ("lead-decisions", "lead-assignments", "sla-events")

Progress = Callable[[int, datetime], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is to be judged.

    * **since** - from when on; None for all there is.
    * **grace** - how long news may have taken, a clock have been off, or an outage have lasted.
    * **strict** - everything should have come to its end.
    """

    since: datetime | None = None
    grace: timedelta = GRACE
    strict: bool = False

    def tolerance(self, presence_since: datetime | None, letters_since: datetime | None) -> Tolerance:
        """Return how far a correct history may stray."""
        usual = Tolerance()
        return Tolerance(
            grace=self.grace,
            breach=max(usual.breach, self.grace),
            told=max(usual.told, self.grace),
            settle=max(usual.settle, self.grace),
            presence_since=presence_since,
            letters_since=letters_since,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What an audit came to.

    * **since**, **until** - what was judged; since None: all there was.
    * **records** - how many were read. **notes** - what could not be judged, and why.
    """

    report: Report
    since: datetime | None
    until: datetime
    read_at: datetime
    records: int
    waiting: Mapping[str, int]
    notes: tuple[str, ...]


async def audit(settings: Settings, asked: Asked, progress: Progress) -> Outcome:
    """Judge the workspace that *settings* name. Raises `BadInput` and `DependencyDown`."""
    async with outlook(settings) as place:
        return await judged(place, settings.workspace, settings.topic_prefix, asked, progress)


async def judged(place: Outlook, workspace: str, topic_prefix: str, asked: Asked, progress: Progress) -> Outcome:
    """Do what `audit` does, on servers that are open."""
    rosters, read_at = Rosters(), CLOCK.now()
    open_before = set(await place.standing.open_leads())
    before = await published(place, await settled(place, read_at))
    await rosters.take(await place.standing.policies())
    trimmed = _trimmed(await place.book.spans(sorted(TOPICS)))
    since = max((at for at in (asked.since, *map(trimmed.get, NEEDED_WHOLE)) if at is not None), default=None)
    letters, presence = (_latest(since, trimmed.get(topic)) for topic in ("dead-letters", "rep-presence"))
    tolerance = asked.tolerance(presence, letters)
    auditor = Auditor(
        rosters.roster(set()),
        tolerance=tolerance,
        topic_prefix=topic_prefix,
        window=Window(since, rosters.remembered_for),
    )
    until = read_at if asked.strict else before.until
    records = 0
    begin = None if since is None else since - MARGIN - tolerance.grace
    async for record in place.book.in_order(sorted(TOPICS), since=begin):
        records += 1
        if (observed := observe(record, workspace)) is not None:
            auditor.see(observed)
        if record.written_at is None:
            continue
        if records % JUDGED_EVERY == 0:
            auditor.advance(min(record.written_at - PATIENCE, until), certain=False, read_at=read_at)
            auditor.told.take()  # the report keeps those that it shows
        if records % SHOWN_EVERY == 0:
            progress(records, record.written_at)
    await rosters.take(await place.standing.policies())
    auditor.roster = rosters.roster(auditor.policies)
    auditor.advance(until, read_at=read_at)
    await resolve_doubts(place, auditor, since, rosters.remembered_for)
    for violation in await _against_ledger(place, auditor, before, open_before):
        auditor.told.add(violation)
    report = auditor.finish(until, strict_end=asked.strict, read_at=read_at)
    notes = tuple(_notes(report, rosters, auditor, since, asked))
    return Outcome(report, since, until, read_at, records, before.waiting, notes)


def _trimmed(spans: Iterable[Span]) -> Mapping[str, datetime]:
    """Return for each topic that has lost records of old from when on it is whole."""
    found: dict[str, datetime] = {}
    for span in spans:
        if span.trimmed_to is not None:
            found[span.topic] = max(found.get(span.topic, span.trimmed_to), span.trimmed_to)
    return found


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


async def resolve_doubts(place: Outlook, auditor: Auditor, since: datetime | None, remembered: timedelta) -> None:
    """Look for what is missing in the time before the window."""
    doubts = set(auditor.doubts())
    if not doubts or since is None:
        return
    known = {(kind, name) for kind, name in doubts if kind == "lead" and await place.leads.of(name) is not None}
    left = doubts - known
    if left:
        async for record in place.log.tail.read(["lead-decisions"], follow=False, since=since - remembered):
            try:
                _, _, data = peek(record)
            except InvalidEvent:
                continue
            known |= left & {("submission", data.get("submission_id")), ("lead", data.get("lead_id"))}
    auditor.resolve(known)


async def _against_ledger(
    place: Outlook, auditor: Auditor, before: Settled, open_before: set[str]
) -> Iterable[Violation]:
    """Compare what the log tells with what the ledger has; what may just be on its way is left out."""
    open_after, after = set(await place.standing.open_leads()), await place.standing.now()
    found = []
    if after.sequence is None or after.sequence < auditor.sequence:
        problem = f"ends at sequence {after.sequence or 0}, lead-assignments at {auditor.sequence}: Redis has forgotten"
        found.append(Violation(1, "the ledger", problem))
        return found
    if not before.is_published:
        return found
    if (before.standing.sequence or 0) > auditor.sequence > 0:
        problem = (
            f"sequence {auditor.sequence + 1} to {before.standing.sequence} were given, and stand neither on the "
            "topic nor in the outbox"
        )
        found.append(Violation(1, "lead-assignments", problem))
    for lead_id, is_quiet in auditor.open_leads(before.until):
        if is_quiet and lead_id not in open_before and lead_id not in open_after:
            found.append(Violation(1, f"lead {lead_id}", "is open by the log, and not in the ledger"))
    return found


def _notes(report: Report, rosters: Rosters, auditor: Auditor, since: datetime | None, asked: Asked) -> Iterable[str]:
    """Say what was not judged, and why."""
    if since is not None and since != asked.since:
        yield f"older records are gone: judged from {since.isoformat(timespec='seconds')} on"
    if not rosters.policies:
        yield "the ledger keeps no policy: promises 3 and 4 were not judged"
    elif missing := (auditor.policies - rosters.policies.keys()) | rosters.unread:
        names = ", ".join(sorted(missing))
        yield f"policies {names} cannot be read from the ledger: promises 3 and 4 were not judged"
    elif len(rosters.policies) > 1:
        yield (
            f"{len(rosters.policies)} policies were in force: each rep counts with the largest capacity and the "
            "widest hours of any of them"
        )
    if young := report.unjudged.get("too young"):
        yield f"{young} things were too young to be judged as a whole"
    if doubted := report.unjudged.get("decided before"):
        yield f"{doubted} may have been decided before what was read"
