"""A world drawn by lot around the ledger's model: people who write, reps who come, go, answer, forget and interfere."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from router.domain.policy import Policy
from router.events.base import rfc3339
from router.policy import load_policy
from tests.unit.audit_rehearsal import Rehearsal, instant

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
REPS = ("ana", "ben", "cid", "dee")
PEOPLE = ("kim", "lou", "max", "noa", "pia", "quy")
LENGTH = timedelta(seconds=100)
ANSWERS = (("accept", "touch"), ("touch",), ("decline",), ("accept", "release"), ("accept",), ())

POLICY = """\
forms:
  demo: {action: demo_request, intent: high}
  trial: {action: free_trial, intent: high}
  ebook: {action: content_download, intent: low}
fit: {icp_at: 0, rules: []}
stages:
  - {stage: sql, when: 'form.key == "demo"'}
  - {stage: iql, when: 'form.key == "trial"'}
calendars:
  short: {timezone: UTC, hours: {mon: ["09:00-09:01"]}}
reps:
  - {id: ana, name: Ana, email: ana@s.example, capacity: CAPACITY, manager: mia}
  - {id: ben, name: Ben, email: ben@s.example, capacity: 1}
  - {id: cid, name: Cid, email: cid@s.example, capacity: 2, calendar: short, active: ACTIVE}
  - {id: dee, name: Dee, email: dee@s.example, capacity: 2}
managers:
  - {id: mia, name: Mia, email: mia@s.example}
pools:
  inner: {members: 'rep.id in ["ana", "ben"]', strategy: least_loaded}
  all: {members: 'true', strategy: longest_idle}
routes:
  - name: hot
    when: 'stage == "sql"'
    priority: 20
    sla: hot
    sticky: [owner]
    steps:
      - {pool: inner, accept_within: 4s, widen_after: 6s}
      - {pool: all, accept_within: 4s}
  - name: warm
    when: 'stage == "iql"'
    priority: 10
    sla: warm
    steps: [{pool: all}]
  - {name: rest, when: 'true', to: nurture}
sla:
  hot: {first_touch: 10s, warn_at: [0.5, 0.8], on_breach: [notify_manager, reassign]}
  warm: {first_touch: 25s, on_breach: [reassign_always]}
limits: {max_attempts: 3, misses_before_away: 2, max_age: 60s, retry_after: 3s}
"""


def policies(folder: Path) -> tuple[Policy, Policy]:
    """Return two policies that follow one another: in the second ana has room for more, and cid is gone."""
    found = []
    for name, capacity, active in (("first", "1", "true"), ("second", "3", "false")):
        (folder / name).mkdir(parents=True)
        text = POLICY.replace("CAPACITY", capacity).replace("ACTIVE", active)
        (folder / name / "policy.yaml").write_text(text, encoding="utf-8")
        found.append(load_policy(folder / name).policy)
    return found[0], found[1]


class World:
    """One run, the same for the same seed."""

    def __init__(self, seed: int, first: Policy, second: Policy) -> None:
        self._lot = random.Random(seed)  # noqa: S311 - a test draws by lot
        self._ids = itertools.count()
        self._second = second
        self.run = Rehearsal(first, START, self._react)

    def play(self) -> Rehearsal:
        """Let all of it happen."""
        for rep in REPS:
            self._comes_and_goes(rep)
        for _ in range(self._lot.randint(5, 30)):
            self._writes()
        for _ in range(4):
            self.run.send(self._some_time(), "rep-actions", {"action_id": f"a{next(self._ids)}"})
            self._says(self._some_time(), "nobody-knows", "ana", "touch", None)
        self.run.install(self._some_time(), self._second)
        self.run.play(START + LENGTH + timedelta(seconds=80))
        return self.run

    def _some_time(self) -> datetime:
        return START + LENGTH * self._lot.random()

    def _comes_and_goes(self, rep: str) -> None:
        self._tells(START, rep, "available", ttl_seconds=0)
        for _ in range(self._lot.randint(0, 8)):
            status = self._lot.choice(("available", "available", "busy", "away", "offline"))
            beat = self._lot.random() < 0.3
            self._tells(self._some_time(), rep, status, ttl_seconds=self._lot.choice((0, 5, 20)), heartbeat=beat)

    def _tells(self, at: datetime, rep: str, status: str, **more: object) -> None:
        late = timedelta(seconds=self._lot.choice((0, 0, 0, 0.5)))
        self.run.send(at + late, "rep-presence", {"rep_id": rep, "status": status, "at": rfc3339(at), **more})

    def _writes(self) -> None:
        at, person = self._some_time(), self._lot.choice(PEOPLE)
        data: dict[str, Any] = {
            "submission_id": f"s{next(self._ids)}",
            "submitted_at": rfc3339(at - timedelta(seconds=self._lot.choice((0, 0, 0, 30)))),
            "form": self._lot.choice(("demo", "demo", "trial", "ebook")),
            "email": f"{person}@example.com" if self._lot.random() < 0.95 else None,
            "test": self._lot.random() < 0.05,
        }
        self.run.send(at, "form-submissions", data)
        while self._lot.random() < 0.2:
            self.run.send(self._some_time(), "form-submissions", data)

    def _react(self, ce_type: str, data: Mapping[str, Any]) -> Iterable[tuple[datetime, str, Mapping[str, Any]]]:
        if ce_type == "lead.assigned.v1":
            self._answers(instant(data), data)
        if ce_type == "rep.presence.v1":
            self._tells(instant(data) + timedelta(seconds=2), data["rep_id"], "available", ttl_seconds=0)
        return ()

    def _answers(self, now: datetime, data: Mapping[str, Any]) -> None:
        lead, attempt, lot = data["lead_id"], data["attempt"], self._lot
        at = now
        for action in lot.choice(
            (("accept", "touch"), ("touch",), ("decline",), ("accept", "release"), ("accept",), ())
        ):
            at += timedelta(seconds=lot.choice((0.3, 1, 3, 6, 12)))
            said = lot.choice((attempt, attempt, None))
            self._says(at, lead, data["rep_id"], action, said, again=lot.random() < 0.2)
        if lot.random() < 0.2:
            self._says(now + timedelta(seconds=lot.random() * 10), lead, lot.choice(REPS), "accept", attempt)
        if lot.random() < 0.15:
            outcome = {
                "outcome_id": f"o{next(self._ids)}",
                "lead_id": lead,
                "outcome": lot.choice(("won", "opportunity")),
            }
            closes = now + timedelta(seconds=lot.random() * 15)
            self.run.send(closes, "lead-outcomes", {**outcome, "at": rfc3339(closes)})

    def _says(
        self, at: datetime, lead: str, rep: str, action: str, attempt: int | None, *, again: bool = False
    ) -> None:
        identifier = f"a{next(self._ids)}"
        said = {"action_id": identifier, "lead_id": lead, "rep_id": rep, "action": action, "at": rfc3339(at)}
        for late in (0, 5) if again else (0,):
            self.run.send(at + timedelta(seconds=late), "rep-actions", {**said, "attempt": attempt})
