"""`router decide`: what would become of one submission, and who could take it. Touches no server."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field

from router.domain.candidates import Candidate
from router.domain.company import company_domain
from router.domain.decision import Decision, wire
from router.domain.identity import Identity, normalise_email, normalise_phone, registrable_domain
from router.domain.ledger.verbs import Attend
from router.domain.policy import Policy, Route
from router.errors import BadInput
from router.events.base import Instant, to_millis
from router.events.presence import RepPresence
from router.events.submission import FormSubmitted
from router.pipeline.preview import Standing, Team, candidates
from router.pipeline.verbs import attend
from router.policy import load_policy
from router.policy.dry_run import dry_run, valid, who
from router.policy.problems import did_you_mean

NO_PRESENCE = "no presence was given: every active rep counts as available with nothing open"
THROW_AWAY = "no ROUTER_IDENTITY_KEY or ROUTER_SECRET is set: lead_id is made with a throw-away key"


@dataclass(frozen=True, slots=True)
class Question:
    """What `router decide` was asked; a path of `-` is standard input."""

    submission: Path
    config: Path
    presence: Path | None = None
    company: Path | None = None
    activity: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What would happen, with notes on what was assumed."""

    decision: Decision
    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """Return what the command prints."""
        return {
            "decision": wire(self.decision),
            "candidates": [
                {"rep_id": one.rep_id, "eligible": one.eligible, "code": one.code, "reason": one.reason}
                for one in self.candidates
            ],
            "notes": list(self.notes),
        }


class PresenceLine(RepPresence):
    """One entry of the presence file: a rep's presence, and how they stand in the ledger."""

    open: Annotated[int, Field(ge=0)] = 0
    last_assigned_at: Instant | None = None
    assigned_today: Annotated[int, Field(ge=0)] = 0
    owns: tuple[str, ...] = ()


def decide_file(question: Question, *, key: bytes, at: datetime) -> Answer:
    """Answer *question* as at *at*; lead ids are made with *key*. Raises `BadInput` for what cannot be used."""
    policy = load_policy(question.config).policy
    data = _submission_data(_read_json(question.submission), str(question.submission))
    company = _read_object(question.company) if question.company is not None else None
    activities = _read_list(question.activity) if question.activity is not None else []
    decision = dry_run(data, policy, key=key, at=at, company=company, activities=activities)
    submission = valid(FormSubmitted, data, "the submission")
    if question.presence is None:
        return Answer(decision, candidates_of(decision, policy, _all_available(policy, at), at), (NO_PRESENCE,))
    lines = _presence_lines(_read_list(question.presence), policy, at)
    team = team_of(lines, decision.route, submission, who(submission, key))
    return Answer(decision, candidates_of(decision, policy, team, at))


def candidates_of(decision: Decision, policy: Policy, team: Team, at: datetime) -> tuple[Candidate, ...]:
    """Return who could take the lead at *at*; nobody where it does not go to sales."""
    if decision.route is None or decision.to != "sales":
        return ()
    return candidates(decision.route, decision.values, decision.submitted_at, policy, team, at)


def team_of(lines: Sequence[PresenceLine], route: Route | None, submission: FormSubmitted, identity: Identity) -> Team:
    """Return how the reps stand; of several lines about one, the newest says what they hold."""
    newest: dict[str, PresenceLine] = {}
    for line in sorted(lines, key=lambda line: line.at):
        newest[line.rep_id] = line
    sticky = route.sticky if route is not None else ()
    mine = {identity.email, identity.phone} if "owner" in sticky else set()
    account = {company_domain(submission, identity)} if "account" in sticky else set()
    return Team(
        [attend(line, None) for line in lines],
        {rep: Standing(line.open, line.last_assigned_at, line.assigned_today) for rep, line in newest.items()},
        [
            line.rep_id
            for theirs in (mine - {None}, account - {None})
            for line in lines
            if theirs & {_ownable(text, submission.country) for text in line.owns}
        ],
    )


def _ownable(text: str, country: str | None) -> str | None:
    text = text.strip()
    if "@" in text:
        return normalise_email(text)
    return normalise_phone(text, country) or registrable_domain(text)


def _all_available(policy: Policy, at: datetime) -> Team:
    return Team([Attend(rep, "available", to_millis(at), 0) for rep in policy.reps], {})


def _presence_lines(items: Sequence[Mapping[str, object]], policy: Policy, at: datetime) -> list[PresenceLine]:
    lines = []
    for number, item in enumerate(items, start=1):
        line = valid(PresenceLine, {"at": at, **item}, f"presence {number}")
        if line.rep_id not in policy.reps:
            hint = did_you_mean(line.rep_id, policy.reps)
            raise BadInput(f"presence {number}: there is no rep {line.rep_id!r}; {hint}")
        lines.append(line)
    return lines


def _submission_data(value: object, shown: str) -> Mapping[str, object]:
    """Return the submission's data, taken out of its envelope where it comes in one."""
    if not isinstance(value, dict):
        raise BadInput(f"{shown}: a submission is one JSON object")
    if "specversion" not in value:
        return value
    if value.get("type") != "form.submitted.v1":
        raise BadInput(f"{shown}: the event is a {value.get('type')!r}; give a form.submitted.v1")
    data = value.get("data")
    if not isinstance(data, dict):
        raise BadInput(f"{shown}: the event has no JSON object as `data`")
    return data


def _read_list(path: Path) -> list[Mapping[str, object]]:
    value = _read_json(path)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadInput(f"{path}: must be a JSON list of objects")
    return value


def _read_object(path: Path) -> Mapping[str, object]:
    value = _read_json(path)
    if not isinstance(value, dict):
        raise BadInput(f"{path}: must be a JSON object")
    return value


def _read_json(path: Path) -> object:
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return json.loads(raw)
    except OSError as exc:
        raise BadInput(f"{path}: cannot be read: {exc.strerror}; check the path") from None
    except (ValueError, RecursionError) as exc:
        told = f"line {exc.lineno}: {exc.msg}" if isinstance(exc, json.JSONDecodeError) else "not UTF-8 or too deep"
        raise BadInput(f"{path}: not valid JSON ({told})") from None


def instant(text: str) -> datetime:
    """Read an RFC 3339 time from the command line; raises `BadInput` for another."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"--at {text!r} is no time with an offset; write it as in 2026-03-02T14:05:00Z")
    return moment.astimezone(UTC)
