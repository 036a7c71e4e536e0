"""
A ledger that is lost and made again from the facts that it told, beside the one that was not.

The facts go through the same events as on the topics; what else is on the topics (presences, the submissions as they
were placed) is what the verbs said.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from router.adapters.redis.functions import library
from router.adapters.redis.restoring import items_of
from router.domain.ledger.facts import Answer, Fact
from router.domain.ledger.model import apply
from router.domain.ledger.state import DAY
from router.domain.ledger.verbs import Act, Attend, Close, Install, Place, Verb
from router.domain.rebuild.course import Courses
from router.domain.rebuild.image import Image, Owners, image, over
from router.domain.rebuild.sequence import InSequence
from router.domain.rebuild.team import Presence, Team
from router.domain.rebuild.telling import Decisions, Told
from router.events.base import from_millis
from router.pipeline.read_back import nobody_id
from router.pipeline.render import RENDER, render
from router.ports import Applied
from tests.model.engines import Twins

KINDS = ("queued", "assigned", "accepted", "unassigned", "touched", "closed")


@dataclass
class Remembered(Twins):
    """Twins that keep what the topics would; no two verbs share an instant, as on the topics only instants tell."""

    verbs: list[tuple[Verb, int]] = field(default_factory=list)

    def apply(self, verb: Verb, now: int) -> Answer:
        """Apply *verb* a moment after the last one."""
        now = max(now, self._now + 1) if self._now else now
        answer = super().apply(verb, now)
        if answer.code in ("done", "more"):
            self.verbs.append((verb, now))
        return answer

    @property
    def now(self) -> int:
        """The instant of the last verb."""
        return self._now

    def policy(self) -> Install:
        """Return the policy in force, with the audiences that the ledger knows."""
        last = next(verb for verb, _ in reversed(self.verbs) if isinstance(verb, Install))
        return replace(last, audiences=tuple(self.model.audiences.values()), renew=False)

    def read_back(self) -> Image:
        """Make the image of the ledger from what was told, at the instant of the last verb."""
        install = self.policy()
        strategies = {one.pool: one.strategy for one in install.audiences}
        weights = {seat.id: seat.weight for seat in install.seats}

        def turns(pool: str, rep: str) -> int | None:
            return weights.get(rep, 1) if strategies.get(pool) == "weighted_round_robin" else None

        courses = Courses(Team(turns))
        line = InSequence[tuple[str, Mapping[str, Any]]]()
        for fact in self.told(*KINDS):
            kind, _, _, data = RENDER[fact["t"]](fact)
            for one in line.put(data["sequence"], (kind.split(".")[1], data)):
                courses.follow(*one)
        places = {verb.submission_id: verb for verb, _ in self.verbs if isinstance(verb, Place)}
        decisions = Decisions(courses, 0)
        for fact in self.told("decided"):
            decisions.take(_decision(fact, places[fact["sub"]]), fact["at"])
        self._reps(courses.team)
        placed = {
            name: [(at, places[data["submission_id"]]) for at, data in decisions.in_order(name)]
            for name in courses.open
        }
        to_sales = {name: [one for one in known if one[1].to == "sales"] for name, known in placed.items()}
        companies = {place.lead_id: place.company for place in places.values() if place.company is not None}
        owners = Owners(courses, companies)
        return image(self._told(courses), to_sales, owners, install, line.last, self._now)

    @property
    def with_other_hours(self) -> frozenset[str]:
        """The reps who have had several calendars."""
        calendars: dict[str, set[str | None]] = {}
        for verb, _ in self.verbs:
            for seat in verb.seats if isinstance(verb, Install) else ():
                calendars.setdefault(seat.id, set()).add(seat.calendar)
        return frozenset(rep for rep, known in calendars.items() if len(known) > 1)

    def told(self, *kinds: str) -> Iterator[Fact]:
        """Yield the facts of some kinds."""
        return (fact for fact in self.history if fact["t"] in kinds)

    def _told(self, courses: Courses) -> Told:
        told = Told(courses, nobody_id)
        for fact in self.told("notify"):
            [record] = render(Applied("done", orjson.dumps([fact])), "test")
            told.notification(orjson.loads(record.value or b""))
        for fact in self.told("breached", "warned"):
            kind, _, _, data = RENDER[fact["t"]](fact)
            told.clock(kind.split(".")[1], data)
        return told

    def _reps(self, team: Team) -> None:
        attended = ((verb, now) for verb, now in self.verbs if isinstance(verb, Attend))
        seen = [
            (now, verb.rep_id, Presence(verb.status, verb.at, verb.ttl, heartbeat=verb.heartbeat))
            for verb, now in attended
        ]
        away = [(f["at"], f["rep"], Presence("away", f["at"], 0, by_router=True)) for f in self.told("presence")]
        for now, rep, presence in sorted((*seen, *away), key=lambda one: one[0]):
            team.attends(rep, presence, now)

    def restored(self) -> Restored:
        """Lose the ledger and return it made again, in a workspace of its own; what follows is compared."""
        made = self.read_back()
        twin = Restored(self.client, self.function, uuid.uuid4().hex)
        twin.verbs, twin.history = list(self.verbs), list(self.history)
        twin.take(made, self.policy(), self)
        return twin


@dataclass
class Restored(Remembered):
    """Twins of which both were made from an image; `resumed` is what followed from going on."""

    resumed: list[Fact] = field(default_factory=list)

    def take(self, made: Image, install: Install, lost: Remembered) -> None:
        """Put the image into both and let them go on."""
        self.model, self._now = made.ledger, lost.now
        self.client.delete(self.prefix + "epoch")
        self.client.set(self.prefix + "rebuild", "me")
        submissions = {verb.submission_id: self._now + DAY for verb, _ in lost.verbs if isinstance(verb, Place)}
        actions = {f"act:{verb.action_id}": self._now + DAY for verb, _ in lost.verbs if isinstance(verb, Act)}
        actions |= {f"close:{verb.outcome_id}": self._now + DAY for verb, _ in lost.verbs if isinstance(verb, Close)}
        self.model.submissions, self.model.actions = set(submissions), set(actions)
        items = list(items_of(made, install, submissions, actions, self._now))
        self.put(items)
        self.model.leads |= {lead.id: lead for lead in over(made.over)}
        self.resume(made)

    def put(self, items: list[Any]) -> Any:  # noqa: ANN401 - whatever the client gives
        """Restore *items* in Valkey."""
        words = [orjson.dumps(item) for item in items]
        name = f"{library()[0]}_restore"
        return self.client.fcall(name, 1, self.prefix, str(self._now), "test", "me", "5000", *words)

    def resume(self, made: Image) -> None:
        """Let both go on, and compare what follows and what they are."""
        last = {"put": "epoch", "epoch": "test", "sequence": made.ledger.sequence, "resume": made.resume}
        [[code, facts, *_]] = self.put([last])
        answer = apply(self.model, made.resume, self._now)
        assert code.decode() == answer.code
        assert orjson.loads(facts) == orjson.loads(orjson.dumps(answer.facts))
        self.resumed = answer.facts
        self.history += answer.facts
        self.compare()


def _decision(fact: Fact, place: Place) -> Mapping[str, Any]:
    return {
        "lead_id": fact["lead"],
        "submission_id": fact["sub"],
        "to": fact["to"],
        "submitted_at": from_millis(place.submitted_at),
        "enrichment": {"fields": {}},
        "test": False,
    }
