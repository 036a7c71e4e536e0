"""
One look at everything, again and again: how far things are, what the auditor finds, what stands still.

What depends on an instant (a lead that waits, a ledger that differs from the log) counts
only when two looks in a row see it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from router.bootstrap import CLOCK, Outlook
from router.domain.audit import Auditor, Violation
from router.entrypoints.audit.horizon import Passage, Settled, settled
from router.entrypoints.audit.rosters import Rosters
from router.entrypoints.audit.run import PATIENCE, resolve_doubts
from router.entrypoints.watchdog import findings
from router.entrypoints.watchdog.findings import Finding
from router.entrypoints.watchdog.follow import ALL, Follower
from router.entrypoints.watchdog.readings import Readings
from router.errors import DependencyDown, InvalidEvent
from router.events.envelope import decode
from router.pipeline.rounds import sweep
from router.ports import Lag, Outgoing, Received

if TYPE_CHECKING:
    from router.pipeline.links import Signer

log = structlog.get_logger()

READ_WITHIN = 10.0  # seconds
FINISHES_AFTER = timedelta(seconds=10)
"""How long an outbox entry is left to the workers, who take a second for it."""

LOOKED_AT = 100  # leads in the queue
MOST_UNTOLD = 10_000
"""Findings that wait for somebody to be told; the logs have those that are older too."""


@dataclass(slots=True, kw_only=True)
class Rounds:
    """The looks of one watchdog, which judges from *since* on; after each one the `readings` are shown."""

    place: Outlook
    workspace: str
    auditor: Auditor
    follower: Follower
    rosters: Rosters
    readings: Readings
    signer: Signer | None
    since: datetime
    show: Callable[[Readings], None]
    _outbox: Passage = field(default_factory=Passage)
    _seen: dict[str, Finding] = field(default_factory=dict)
    _lasting: dict[str, Finding] = field(default_factory=dict)
    _pending: deque[Violation] = field(default_factory=deque)
    _untold: deque[Finding] = field(default_factory=lambda: deque(maxlen=MOST_UNTOLD))
    _manager: str | None = None
    _sent_again: set[tuple[str, int, int]] = field(default_factory=set)

    async def run(self, every: float) -> None:
        """Look every so many seconds until cancelled; an outage only delays it."""
        while True:
            try:
                await self.look()
                self.readings.healthy = {"log": True, "redis": True}
            except DependencyDown as down:
                which = "redis" if str(down).startswith("Redis") else "log"
                self.readings.healthy = {**self.readings.healthy, which: False}
                log.warning("watchdog.waits", problem=str(down))
            self.show(self.readings)
            await asyncio.sleep(every)

    async def look(self) -> None:
        """Look once. Raises `DependencyDown`."""
        place, readings = self.place, self.readings
        reached = await settled(place, CLOCK.now())
        lags = await place.book.lags(place.group("notifier"), ["rep-notifications"])
        notifier = tuple(lag for lag in lags if lag.begun)  # where none ever ran, somebody else reads them
        readings.behind(place.group(""), reached.lags)
        readings.behind(place.group("notifier"), notifier)
        readings.standing = reached.standing
        if self._is_left_behind(reached):
            await sweep(place.ledger, place.log.publisher, self.workspace, self.signer)
            readings.finished["outbox"] += reached.standing.outbox
            log.warning("watchdog.published", entries=reached.standing.outbox)
        is_certain = await self._judge(reached)
        now = [*await self._at_this_instant(reached), *self._standing_still(reached, notifier)]
        is_clean = is_certain and not self._pending and not now
        self._note(self._new(now))
        await self._finish()
        await self._tell()
        readings.rounds += 1
        readings.log_sequence = self.auditor.sequence
        if is_clean:
            readings.clean_at = CLOCK.now()

    def _is_left_behind(self, reached: Settled) -> bool:
        since = reached.standing.outbox_since
        return since is not None and reached.standing.at - since > FINISHES_AFTER

    async def _judge(self, reached: Settled) -> bool:
        """Let the auditor judge up to where all is on the log; False where that is not known, or not read yet."""
        auditor, until = self.auditor, self._outbox.after(reached)
        whole = await self.follower.reached(await self.place.book.spans(ALL), READ_WITHIN)
        await self.rosters.take(await self.place.standing.policies())
        auditor.roster = self.rosters.roster(set(auditor.policies))
        is_certain = whole and until is not None
        if whole and until is not None:
            auditor.advance(until)
            await resolve_doubts(self.place, auditor, self.since, self.rosters.remembered_for)
            self.readings.judged_until = until
        elif self.follower.newest is not None:
            auditor.advance(min(reached.likely, self.follower.newest - PATIENCE), certain=False)
        for violation in auditor.told.take():
            self.readings.violations[violation.promise] += 1
            self._pending.append(violation)
        return is_certain

    async def _at_this_instant(self, reached: Settled) -> list[Finding]:
        """Look at what only the ledger shows; count what was seen the last time too."""
        seen = {each.name + each.anchor: each for each in findings.idle(await self.place.standing.waiting(LOOKED_AT))}
        ended = findings.short_horizon(await self.place.standing.calendars_end(), reached.standing.at)
        differs = await self._differences(reached)
        seen |= {each.name + each.anchor: each for each in (*ended, *differs)}
        lasting = [each for key, each in seen.items() if key in self._seen]
        for each in lasting:
            if each.promise is not None and each.name not in self._lasting:
                self.readings.violations[each.promise] += 1
        self._seen = seen
        return lasting

    async def _differences(self, reached: Settled) -> Iterable[Finding]:
        """Compare log and ledger where nothing is on its way between them."""
        if reached.waiting or reached.until != self.readings.judged_until:
            return ()
        open_now = set(await self.place.standing.open_leads())
        after = await self.place.standing.now()
        return list(self._compared(reached, open_now, after.sequence))

    def _compared(self, reached: Settled, open_now: set[str], sequence: int | None) -> Iterator[Finding]:
        in_log = self.auditor.sequence
        if in_log and (sequence is None or sequence < in_log):
            text = f"The ledger ends at sequence {sequence or 0}, lead-assignments at {in_log}: Redis has forgotten."
            yield Finding("ledger behind", str(sequence), "The ledger is behind its log", text, 1)
        elif in_log and (reached.standing.sequence or 0) > in_log:
            text = f"Sequence {in_log + 1} to {reached.standing.sequence} stand neither on the log nor in the outbox."
            yield Finding("log behind", str(in_log), "Events are lost", text, 1)
        for lead_id, is_quiet in self.auditor.open_leads(reached.until):
            if is_quiet and lead_id not in open_now:
                text = f"lead {lead_id}: is open by the log, and not in the ledger."
                yield Finding(f"open {lead_id}", "", "Promise 1 was broken", text, 1, lead_id)

    def _standing_still(self, reached: Settled, notifier: tuple[Lag, ...]) -> list[Finding]:
        group = self.place.group
        return [
            *findings.stuck(reached.standing, reached.lags, group("")),
            *(each for each in findings.stuck(reached.standing, notifier, group("notifier")) if "lag" in each.name),
        ]

    def _new(self, now: list[Finding]) -> list[Finding]:
        """Return those that did not last before, and remember what lasts."""
        new = [each for each in now if each.name not in self._lasting]
        self._lasting = {each.name: each for each in now}
        return new

    async def _finish(self) -> None:
        """Finish what can be of each violation; what an outage cuts off is still there at the next look."""
        while self._pending:
            finding = await self._finished(self._pending[0])
            self._pending.popleft()
            self._note([finding])

    async def _finished(self, violation: Violation) -> Finding:
        """Send a submission once more that was neither decided nor rejected; a submission counts once."""
        done = ""
        if violation.lost is not None and violation.lost not in self._sent_again:
            record = await self.place.book.record(*violation.lost)
            if record is not None and _is_readable(record):
                again = Outgoing(record.topic, record.key, record.value, record.headers)
                await self.place.log.publisher.publish([again])
                self._sent_again.add(violation.lost)
                self.readings.finished["submission"] += 1
                done = " It was sent once more."
                log.warning("watchdog.sent_again", place="/".join(map(str, violation.lost)))
        return findings.of_violation(violation, done)

    def _note(self, found: Iterable[Finding]) -> None:
        """Put what was found into the logs, and down for whoever is to be told."""
        for each in found:
            log.error("watchdog.found", what=each.name.replace("\x00", " "), promise=each.promise, text=each.text)
            self._untold.append(each)

    async def _tell(self) -> None:
        """Tell a manager; where the log does not take it, or nobody is known, all of it waits for the next look."""
        manager = self._who_hears()
        if not self._untold or manager is None:
            return
        now = CLOCK.now()
        await self.place.log.publisher.publish(
            [findings.told(each, manager, now, self.workspace) for each in findings.few_of(list(self._untold))]
        )
        self._untold.clear()

    def _who_hears(self) -> str | None:
        """Return the first manager of the policy in force; where the ledger has forgotten it, the last one known."""
        standing = self.readings.standing
        policy = self.rosters.policies.get((standing.version if standing else None) or "")
        if policy is not None:
            self._manager = next(iter(policy.managers), None)
        return self._manager


def _is_readable(record: Received) -> bool:
    try:
        decode(record)
    except InvalidEvent:
        return False
    return True
