"""
Writes histories for tests of the audit: a small ledger of its own that puts on the topics what a correct router would.

It is written apart from the product's ledger on purpose: an error in that one must not
make the audit agree with it. It knows one queue, one SLA target and direct assignment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from router.domain.audit import Auditor, Observed, Report, Roster, RosterRep, Tolerance, audit

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST_TOUCH = timedelta(minutes=5)
WARN_AT = 0.5


def stamp(moment: datetime) -> str:
    """Write an instant as the topics do."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class _Rep:
    capacity: int
    available: bool = False


@dataclass
class _Lead:
    lead_id: str
    phase: str = "new"
    rep_id: str | None = None
    attempt: int = 0
    submission_id: str = ""
    submitted_at: datetime = START
    refused_by: str | None = None
    warned: bool = False
    breached: bool = False

    @property
    def is_open(self) -> bool:
        return self.phase in {"waiting", "held", "accepted"}

    @property
    def due_at(self) -> datetime:
        return self.submitted_at + FIRST_TOUCH


@dataclass
class Story:
    """A history being made. Every verb takes effect at once, at `now`."""

    capacities: Mapping[str, int]
    now: datetime = START
    records: list[Observed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.written: dict[tuple[str, int], datetime] = {}
        self.reps = {rep_id: _Rep(capacity) for rep_id, capacity in self.capacities.items()}
        self.leads: dict[str, _Lead] = {}
        self.sequence = 0
        self.made: Counter[str] = Counter()

    # what the world says

    def presence(self, rep_id: str, status: str, **more: object) -> None:
        """Tell that a rep's status changed; a free rep takes what waits."""
        data = {"rep_id": rep_id, "status": status, "at": stamp(self.now), "ttl_seconds": 0, **more}
        self.put("rep-presence", "rep.presence.v1", None, data)
        self.reps[rep_id].available = status == "available"
        self._serve()

    def submit(self, person: str, *, to: str = "sales", test: bool = False) -> str:
        """Send a form of a person; return the submission's id."""
        submission_id = f"sub-{self._number('submission')}"
        submission = {
            "submission_id": submission_id,
            "submitted_at": stamp(self.now),
            "form": "demo",
            "email": f"{person}@example.com",
            "test": test,
        }
        self.put("form-submissions", "form.submitted.v1", None, submission)
        self._tick(timedelta(milliseconds=40))
        lead = self.leads.setdefault(f"lead-{person}", _Lead(f"lead-{person}"))
        if lead.is_open and to == "sales":
            to = "attached"
        self.put("lead-decisions", "lead.decided.v1", f"dec-{submission_id}", self._decision(lead, submission, to))
        if to == "sales" and not test:
            lead.submission_id, lead.submitted_at = submission_id, self.now - timedelta(milliseconds=40)
            lead.phase, lead.refused_by, lead.warned, lead.breached = "opening", None, False, False
            self._place(lead)
        return submission_id

    def act(self, rep_id: str, person: str, action: str) -> None:
        """Let a rep answer for the lead's present attempt."""
        lead = self.leads[f"lead-{person}"]
        data = {
            "action_id": f"act-{self._number('action')}",
            "lead_id": lead.lead_id,
            "rep_id": rep_id,
            "action": action,
            "at": stamp(self.now),
            "attempt": lead.attempt or None,
        }
        self.put("rep-actions", "rep.action.v1", None, data)
        if action == "touch":
            self._touch(lead, rep_id)
        elif rep_id == lead.rep_id and lead.phase in {"held", "accepted"}:
            self._answer(lead, action)
        elif action == "accept" and lead.phase == "waiting" and self._load(rep_id) < self.reps[rep_id].capacity:
            self._assign(lead, rep_id)
            self._accept(lead)
        else:
            self._notify("superseded", rep_id, lead)

    def outcome(self, person: str, outcome: str) -> None:
        """Let the CRM tell what became of a lead."""
        lead = self.leads[f"lead-{person}"]
        outcome_id = f"out-{self._number('outcome')}"
        data = {"outcome_id": outcome_id, "lead_id": lead.lead_id, "outcome": outcome, "at": stamp(self.now)}
        self.put("lead-outcomes", "lead.outcome.v1", None, data)
        if lead.is_open or lead.phase == "touched":
            if lead.is_open and not lead.breached:
                self._clock("sla.cancelled.v1", lead)
            self._event("closed", lead, reason=outcome)
            lead.phase, lead.rep_id = "closed", None
            self._serve()

    def erase(self, person: str) -> None:
        """Let an operator forget somebody, whatever became of the lead."""
        lead = self.leads[f"lead-{person}"]
        if lead.is_open and not lead.breached:
            self._clock("sla.cancelled.v1", lead)
        self._event("closed", lead, reason="erased")
        lead.phase, lead.rep_id = "closed", None
        self._serve()

    def poison(self, topic: str = "rep-actions", data: Mapping[str, Any] | None = None) -> Observed:
        """Send a record that nobody can use, with its dead letter; return the record."""
        bad = self.put(topic, None, None, data)
        letter = {
            "source_topic": topic,
            "source_partition": bad.partition,
            "source_offset": bad.offset,
            "code": "schema",
            "detail": "action_id: missing",
            "headers": {},
            "value_base64": None,
            "rejected_at": stamp(self.now),
        }
        self.put("dead-letters", "event.rejected.v1", f"rejected-{topic}-{bad.offset}", letter)
        return bad

    def wait(self, seconds: float) -> None:
        """Let time pass; clocks that come due are told at their moment."""
        self._tick(timedelta(seconds=seconds))

    def finish(self) -> None:
        """Bring every lead to its end."""
        for lead in list(self.leads.values()):
            if lead.is_open:
                self.act(lead.rep_id or next(iter(self.reps)), lead.lead_id.removeprefix("lead-"), "touch")

    # what the router does about it

    def put(self, topic: str, ce_type: str | None, ce_id: str | None, data: Mapping[str, Any] | None) -> Observed:
        """Write one record."""
        offset = self._number(topic) - 1
        self.records.append(Observed(topic, 0, offset, ce_type, ce_id, data))
        self.written[topic, offset] = self.now
        return self.records[-1]

    def _number(self, of: str) -> int:
        self.made[of] += 1
        return self.made[of]

    def _tick(self, by: timedelta) -> None:
        end = self.now + by
        timers = [
            (lead.submitted_at + FIRST_TOUCH * share, lead.lead_id, share)
            for lead in self.leads.values()
            if lead.is_open
            for share in (WARN_AT, 1.0)
        ]
        for moment, lead_id, share in sorted(timers):
            if self.now < moment <= end:
                self.now = moment
                self._due(self.leads[lead_id], share)
        self.now = end

    def _due(self, lead: _Lead, share: float) -> None:
        if share < 1 and not lead.warned:
            lead.warned = True
            self._clock("sla.warned.v1", lead, threshold=share)
        elif share >= 1 and not lead.breached:
            lead.breached = True
            self._clock("sla.breached.v1", lead)

    def _load(self, rep_id: str) -> int:
        return sum(lead.rep_id == rep_id for lead in self.leads.values() if lead.is_open)

    def _place(self, lead: _Lead) -> None:
        free = [
            rep_id
            for rep_id, rep in self.reps.items()
            if rep.available and self._load(rep_id) < rep.capacity and rep_id != lead.refused_by
        ]
        if free:
            self._assign(lead, min(free, key=lambda rep_id: (self._load(rep_id), rep_id)))
        elif lead.phase != "waiting":
            lead.phase, lead.rep_id = "waiting", None
            self._event("queued", lead)

    def _serve(self) -> None:
        for lead in sorted(self.leads.values(), key=lambda each: each.submitted_at):
            if lead.phase == "waiting":
                self._place(lead)

    def _assign(self, lead: _Lead, rep_id: str) -> None:
        lead.phase, lead.rep_id, lead.attempt = "held", rep_id, lead.attempt + 1
        self._event("assigned", lead, candidates=[], considered=len(self.reps))
        self._notify("assigned", rep_id, lead)

    def _accept(self, lead: _Lead) -> None:
        lead.phase = "accepted"
        self._event("accepted", lead, acted_at=stamp(self.now))

    def _answer(self, lead: _Lead, action: str) -> None:
        if action == "accept":
            if lead.phase == "held":
                self._accept(lead)
            return
        reason = {"decline": "declined", "release": "released"}[action]
        self._event("unassigned", lead, reason=reason)
        lead.refused_by, lead.rep_id, lead.phase = lead.rep_id, None, "loose"
        self._place(lead)
        self._serve()

    def _touch(self, lead: _Lead, rep_id: str) -> None:
        if not lead.is_open:
            return
        self._event("touched", lead, rep_id=rep_id, acted_at=stamp(self.now), channel="call")
        self._clock("sla.resolved.v1" if lead.breached else "sla.met.v1", lead)
        lead.phase, lead.rep_id = "touched", None
        self._serve()

    def _event(self, kind: str, lead: _Lead, **more: object) -> None:
        self.sequence += 1
        data = {
            "lead_id": lead.lead_id,
            "submission_id": lead.submission_id,
            "sequence": self.sequence,
            "attempt": lead.attempt,
            "rep_id": lead.rep_id,
            "route": "hot",
            "step": 1,
            "pool": "everyone",
            "reason": None,
            "at": stamp(self.now),
            "submitted_at": stamp(lead.submitted_at),
            "touch_by": stamp(lead.due_at),
            "accept_by": None,
            "policy_version": "v1",
            **more,
        }
        self.put("lead-assignments", f"lead.{kind}.v1", f"seq-{self.sequence}", data)

    def _clock(self, ce_type: str, lead: _Lead, **more: object) -> None:
        elapsed = (self.now - lead.submitted_at).total_seconds()
        data = {
            "lead_id": lead.lead_id,
            "submission_id": lead.submission_id,
            "target": "hot",
            "target_seconds": FIRST_TOUCH.total_seconds(),
            "submitted_at": stamp(lead.submitted_at),
            "due_at": stamp(lead.due_at),
            "at": stamp(self.now),
            "elapsed_seconds": elapsed,
            "rep_id": lead.rep_id,
            "attempt": lead.attempt,
            "breakdown": {"ingest": 0.0, "decide": 0.04, "queue": 0.0, "accept": 0.0, "touch": elapsed - 0.04},
            **more,
        }
        self.put("sla-events", ce_type, f"{ce_type}-{lead.submission_id}", data)

    def _notify(self, kind: str, rep_id: str, lead: _Lead) -> None:
        notification_id = f"note-{self._number('notification')}"
        data = {
            "notification_id": notification_id,
            "kind": kind,
            "recipient": {"type": "rep", "id": rep_id},
            "lead_id": lead.lead_id,
            "attempt": lead.attempt,
            "touch_by": None,
            "title": "A lead",
            "text": "A lead",
            "lead": {},
        }
        self.put("rep-notifications", "notification.requested.v1", notification_id, data)

    def _decision(self, lead: _Lead, submission: Mapping[str, Any], to: str) -> Mapping[str, Any]:
        touch_by = stamp(self.now - timedelta(milliseconds=40) + FIRST_TOUCH) if to == "sales" else None
        return {
            "decision_id": f"dec-{submission['submission_id']}",
            "submission_id": submission["submission_id"],
            "lead_id": lead.lead_id,
            "stage": "sql" if to != "nurture" else "lead",
            "route": "hot" if to != "nurture" else None,
            "to": to,
            "tags": [],
            "priority": 10,
            "sla": "hot" if to == "sales" else None,
            "touch_by": touch_by,
            "fit": {"score": 80, "icp": True, "segment": None, "rules": []},
            "intent": {"level": "high", "action": "demo_request"},
            "engagement": {"score": 0.0, "threshold": 50},
            "enrichment": {"status": "skipped"},
            "policy_version": "v1",
            "submitted_at": submission["submitted_at"],
            "received_at": submission["submitted_at"],
            "decided_at": stamp(self.now),
            "reasons": [],
            "unknown": [],
            "test": submission["test"],
        }

    # how tests look at it, and break it

    @property
    def roster(self) -> Roster:
        """Return the reps as the audit is given them."""
        return Roster({rep_id: RosterRep(capacity) for rep_id, capacity in self.capacities.items()})

    def audited(
        self,
        records: Sequence[Observed] | None = None,
        *,
        strict_end: bool = True,
        roster: Roster | None = None,
        tolerance: Tolerance | None = None,
        topic_prefix: str = "",
    ) -> Report:
        """Audit *records*, or all of the story; what is right is right for an auditor that sees it come, too."""
        given = self.records if records is None else records
        who = self.roster if roster is None else roster
        report = audit(
            given, who, until=self.now, strict_end=strict_end, tolerance=tolerance, topic_prefix=topic_prefix
        )
        auditor = Auditor(who, tolerance=tolerance, topic_prefix=topic_prefix)
        self.follow(auditor, given)
        came = auditor.finish(self.now, strict_end=strict_end)
        assert came.holds or not report.holds, [*map(str, came.violations)]
        return report

    def follow(self, auditor: Auditor, records: Iterable[Observed]) -> None:
        """Show *records* as they were written, and judge on the way what may be judged."""
        at = START
        for record in sorted(map(self.as_written, records), key=lambda each: each.written_at or START):
            assert record.written_at is not None
            if record.written_at > at:
                auditor.advance(at)
                at = record.written_at
            auditor.see(record)
        auditor.advance(min(at, self.now))

    def as_written(self, record: Observed) -> Observed:
        """Return the record with the time of writing: its own, a presence's `at`, or that of what it was made of."""
        known = self.written.get((record.topic, record.offset), self.now)
        if record.topic == "rep-presence" and record.data and "at" in record.data:
            known = datetime.fromisoformat(record.data["at"])
        return record if record.written_at is not None else replace(record, written_at=known)

    def without(self, unwanted: Callable[[Observed], bool]) -> list[Observed]:
        """Return the records without those that are *unwanted*."""
        return [record for record in self.records if not unwanted(record)]

    def changed(self, chosen: Callable[[Observed], bool], **data: object) -> list[Observed]:
        """Return the records with other data in the *chosen* ones."""
        return [
            replace(record, data={**(record.data or {}), **data}) if chosen(record) else record
            for record in self.records
        ]

    def with_extra(self, original: Observed, ce_id: str | None, **data: object) -> list[Observed]:
        """Return the records and one more, like *original* but for its id and data."""
        offset = self.made[original.topic] + 1000
        extra = replace(original, offset=offset, ce_id=ce_id, data={**(original.data or {}), **data})
        return [*self.records, extra]

    def first(self, ce_type: str) -> Observed:
        """Return the first record of a type."""
        return next(record for record in self.records if record.ce_type == ce_type)


def kind(ce_type: str) -> Callable[[Observed], bool]:
    """Choose records of one type."""
    return lambda record: record.ce_type == ce_type


def renumbered(records: Iterable[Observed]) -> list[Observed]:
    """Return the records with the sequence's numbers closed up, so that what was taken out leaves no gap."""
    given = list(records)
    numbers = sorted(record.data["sequence"] for record in given if _counted(record) and record.data)
    place = {number: at for at, number in enumerate(numbers, start=1)}
    return [
        replace(record, data={**record.data, "sequence": place[record.data["sequence"]]})
        if _counted(record) and record.data
        else record
        for record in given
    ]


def _counted(record: Observed) -> bool:
    return record.topic == "lead-assignments"


def assert_only(report: Report, promise: int, *words: str) -> None:
    """Assert that one violation of one promise was found and that it says all *words*."""
    assert [violation.promise for violation in report.violations] == [promise], [str(v) for v in report.violations]
    for word in words:
        assert word in str(report.violations[0])
