"""
The load of the large tests: who sends which form when, which rep is there, and what reps do about what they get.

Everything follows from one seed and from the ids of the leads, so two runs send the same and a
failure can be looked at again. Records are bare JSON. Nothing here waits or sends; a test plays
it against a system: presence and submissions by their moment, reactions as assignments come.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from router.events.base import rfc3339
from router.ports import Outgoing
from tests.e2e.scenario_companies import DATA, Company, companies, titles
from tests.e2e.scenario_people import Person, Sent, people, sent_forms
from tests.e2e.scenario_policy import REPS, write_policy

_LEAVING = (("busy", 0.10, 0.25), ("away", 0.20, 0.60), ("offline", 0.30, 0.50), ("busy", 0.55, 0.60))
_LAST_TRY = 4


@dataclass(frozen=True, slots=True)
class Timed:
    """A record and when it is to be sent."""

    at: datetime
    record: Outgoing


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that can never be processed, and the code of the dead letter it has to become."""

    record: Outgoing
    code: str


def bare(topic: str, data: Mapping[str, Any], key: str | None = None) -> Outgoing:
    """Return a record of bare JSON data."""
    return Outgoing(topic, key.encode() if key else None, orjson.dumps(data))


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    One load. `make` draws it; the methods lay it over a stretch of time.

    * **known** - the companies that the enrichment knows: four of five.
    * **forms** - what is sent, by share of the run; redeliveries stand in it twice.
    """

    known: tuple[Company, ...]
    people: tuple[Person, ...]
    forms: tuple[Sent, ...]
    first_touch: timedelta
    accept_within: timedelta

    @classmethod
    def make(
        cls,
        submissions: int = 3_000,
        *,
        seed: int = 17,
        first_touch: timedelta = timedelta(seconds=60),
        accept_within: timedelta = timedelta(seconds=5),
        data: Path = DATA,
    ) -> Scenario:
        """Draw a load of so many different submissions."""
        draw = random.Random(seed)  # noqa: S311 - a load is to be the same each time, not secret
        all_companies = companies(data)
        crowd = people(draw, all_companies, titles(data), submissions)
        forms = sent_forms(draw, crowd, submissions)
        known = tuple(company for company in all_companies if _share(company.domain) < 0.8)
        return cls(known, crowd, forms, first_touch, accept_within)

    def write_policy(self, directory: Path) -> Path:
        """Write the configuration that the load is made for, with its dataset of companies, and return *directory*."""
        return write_policy(directory, self.known, first_touch=self.first_touch, accept_within=self.accept_within)

    @property
    def submission_ids(self) -> frozenset[str]:
        """Return every submission that has to be decided."""
        return frozenset(form.submission_id for form in self.forms)

    def submissions(self, start: datetime, over: timedelta) -> Sequence[Timed]:
        """Return the submissions spread over a run, in the order of sending; each is sent the moment it was made."""
        first = {form.submission_id: form.share for form in reversed(self.forms)}
        return [
            Timed(
                start + form.share * over,
                bare("form-submissions", form.data(start + first[form.submission_id] * over), form.submission_id),
            )
            for form in self.forms
        ]

    def presence(self, start: datetime, over: timedelta) -> Sequence[Timed]:
        """Return what reps say: all are there at the start, one falls silent, every third goes for a while."""
        told = [(start, rep_id, "available", 0 if place % 2 else 86_400) for place, rep_id in enumerate(REPS[:-1])]
        told.append((start, REPS[-1], "available", max(1, round(over.total_seconds() / 4))))
        for place, rep_id in enumerate(REPS[::3]):
            status, gone, back = _LEAVING[place % len(_LEAVING)]
            shift = 0.02 * place
            told.append((start + (gone + shift) * over, rep_id, status, 0))
            told.append((start + (back + shift) * over, rep_id, "available", 0))
        return [Timed(at, _presence(rep_id, status, at, ttl)) for at, rep_id, status, ttl in sorted(told)]

    def react(self, assigned: Mapping[str, Any]) -> Sequence[Timed]:
        """
        Return what the rep does about a `lead.assigned.v1`, given its data; empty where the offer is let run out.

        By lead and attempt: more than half touch within two seconds, a quarter accept
        first, some decline, some miss the offer, a few touch late. From the fourth
        attempt on every rep touches, so that all leads come to an end.
        """
        at = datetime.fromisoformat(assigned["at"])
        mood = _share(f"{assigned['lead_id']}/{assigned['attempt']}")
        pause = timedelta(milliseconds=100 + 1900 * _share(f"{assigned['lead_id']}/{assigned['attempt']}/pause"))
        if assigned["attempt"] < _LAST_TRY and mood >= 0.82:
            return self._difficult(assigned, mood, at, pause)
        if mood >= 0.55:
            return [_action(assigned, "accept", at + pause / 4), _action(assigned, "touch", at + pause)]
        return [_action(assigned, "touch", at + pause)]

    def _difficult(self, assigned: Mapping[str, Any], mood: float, at: datetime, pause: timedelta) -> Sequence[Timed]:
        if mood >= 0.96:
            late = datetime.fromisoformat(assigned["submitted_at"]) + 1.1 * self.first_touch
            accepted = [_action(assigned, "accept", at + pause / 4)]
            return [*accepted, _action(assigned, "touch", max(at + pause, late))]
        if mood >= 0.90 and assigned["accept_by"] is not None:
            return []
        return [_action(assigned, "decline", at + pause)]

    def come_back(self, presence: Mapping[str, Any]) -> Sequence[Timed]:
        """Return how a rep answers to a `rep.presence.v1` by which the router set them away: back after a second."""
        if presence.get("source") != "router":
            return []
        at = datetime.fromisoformat(presence["at"]) + timedelta(seconds=1)
        return [Timed(at, _presence(presence["rep_id"], "available", at, 0))]

    def poison(self, at: datetime, lead_id: str) -> Sequence[Poison]:
        """Return one bad record of each kind; *lead_id* is of a lead that was decided."""
        form = {"submission_id": "poison-1", "submitted_at": rfc3339(at), "form": "demo-request"}
        action = {"action_id": "poison-2", "action": "accept", "at": rfc3339(at), "rep_id": REPS[0]}
        outcome = {"outcome_id": "poison-3", "lead_id": "nobody", "outcome": "won", "at": rfc3339(at)}
        huge = {**form, "submission_id": "poison-4", "email": "huge@example.com", "message": "x" * (300 * 1024)}
        odd = {"ce_specversion": b"1.0", "ce_id": b"poison-5", "ce_source": b"/test", "ce_type": b"form.submitted.v9"}
        value = orjson.dumps({**form, "submission_id": "poison-5", "email": "odd@example.com"})
        return [
            Poison(Outgoing("form-submissions", None, b'{"submission_id": "poison-0", '), "malformed_json"),
            Poison(bare("form-submissions", form), "schema"),
            Poison(bare("rep-presence", {"rep_id": REPS[0], "status": "lunch", "at": rfc3339(at)}), "schema"),
            Poison(_presence("stranger", "available", at, 0), "unknown_rep"),
            Poison(bare("rep-actions", {**action, "lead_id": lead_id, "rep_id": "stranger"}), "unknown_rep"),
            Poison(bare("rep-actions", {**action, "lead_id": "nobody"}), "unknown_lead"),
            Poison(bare("lead-outcomes", outcome), "unknown_lead"),
            Poison(bare("form-submissions", huge), "too_large"),
            Poison(Outgoing("form-submissions", None, value, odd), "unknown_type"),
        ]


def _share(text: str) -> float:
    """Return a number from 0 to below 1 that follows from *text* alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48


def _presence(rep_id: str, status: str, at: datetime, ttl_seconds: int) -> Outgoing:
    data = {"rep_id": rep_id, "status": status, "at": rfc3339(at), "ttl_seconds": ttl_seconds}
    return bare("rep-presence", data, rep_id)


def _action(assigned: Mapping[str, Any], action: str, at: datetime) -> Timed:
    data = {
        "action_id": f"{action}-{assigned['lead_id']}-{assigned['attempt']}",
        "lead_id": assigned["lead_id"],
        "rep_id": assigned["rep_id"],
        "action": action,
        "at": rfc3339(at),
        "attempt": assigned["attempt"],
        **({"channel": "call"} if action == "touch" else {}),
    }
    return Timed(at, bare("rep-actions", data, assigned["lead_id"]))
