"""
Follows a game call by call in the order of the outbox, and sees at every step who could have been served and was not.

It knows the contract, not the ledger: of each rep who they are and what they hold, of each lead what the facts said.
Where the contract leaves open when a step opens, it counts as open only what must be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from router.domain.ledger.verbs import Install, Step
from tests.concurrency.deck import MAX_ATTEMPTS, Deck

Fact = Mapping[str, Any]
MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class Said:
    """One verb, what was answered, and the facts that stand in the outbox for it."""

    verb: Mapping[str, Any]
    code: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the ledger: *now* is its instant, as the facts of its first verb have it."""

    now: int
    said: Sequence[Said]


@dataclass(slots=True)
class Rep:
    """A rep as the verbs have made them, and what they hold."""

    id: str
    active: bool = False
    capacity: int = 0
    status: str = "offline"
    seen_at: int = 0
    ahead: int = 0
    until: int = 0
    held: set[str] = field(default_factory=set)

    @property
    def on_duty(self) -> bool:
        """Whether the rep is there and takes leads at all."""
        return self.active and self.status == "available" and self.capacity > 0

    @property
    def is_free(self) -> bool:
        """Whether the rep can take a lead now."""
        return self.on_duty and len(self.held) < self.capacity


@dataclass(slots=True)
class Lead:
    """A lead as its facts tell it."""

    id: str
    state: str = "new"
    rep: str | None = None
    attempt: int = 0
    steps: tuple[Step, ...] = ()
    submitted: int = 0
    queued_at: int = 0
    tried: set[str] = field(default_factory=set)
    tries: int = 0


class Replay:
    """The state after the calls that it was given; `faults` says what should not have been, by promise."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._installs = {install.version: install for install in deck.installs}
        self._members: dict[str, frozenset[str]] = {}
        self._ids: set[tuple[str, str]] = set()
        self._ticked = 0  # when a tick last fired all that was due
        self._lanes: dict[tuple[Step, ...], set[str]] = defaultdict(set)
        self.reps: dict[str, Rep] = {}
        self.leads: dict[str, Lead] = {}
        self.sequence = 0
        self.policies: list[tuple[int, str]] = []
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()

    def follow(self, call: Call) -> None:
        """Take one call: first the presences that have run out, then verb by verb."""
        for rep in self.reps.values():
            if 0 < rep.until <= call.now:
                rep.status, rep.until = "offline", 0
                self.counts["presence ran out"] += 1
        for said in call.said:
            verb = said.verb
            self.counts[f"{verb['verb']} {said.code}"] += 1
            self._expect(said, call.now)
            if verb["verb"] == "audience":
                self._members[verb["id"]] = frozenset(verb["members"])
            if verb["verb"] == "install":
                self._install(self._installs[verb["version"]])
            acted = verb["verb"] == "act" and verb["action"] != "touch" and said.code == "done"
            live, before = (self._is_live(verb), self.leads[verb["lead_id"]].state) if acted else (False, "")
            taken = {fact["lead"] for fact in said.facts if fact["t"] == "accepted" and verb["verb"] == "act"}
            for fact in said.facts:
                self._fact(fact, taken)
            if acted:
                self._answered(verb, before, said.facts, live=live)
            if verb["verb"] == "tick" and said.code == "done":
                self._ticked = call.now
            if said.facts or verb["verb"] in ("attend", "install", "tick"):
                self._nobody_waits(call.now, verb)
                self._nobody_gone_keeps(call.now, verb)

    @property
    def waiting(self) -> set[str]:
        """The leads that wait."""
        return {lead.id for lead in self.leads.values() if lead.state == "waiting"}

    def _fault(self, promise: int, problem: str) -> None:
        self.counts[f"broken {promise}"] += 1
        if len(self.faults) < MOST_KEPT:
            self.faults.append(f"promise {promise}: {problem}")

    def _expect(self, said: Said, now: int) -> None:
        """Tell what the verb must be answered: everything once, and only what is known."""
        verb, expected = said.verb, "done"
        match verb["verb"]:
            case "place":
                expected = self._once("sub", verb["submission_id"])
                self.leads.setdefault(verb["lead_id"], Lead(verb["lead_id"]))
            case "act" | "close" if verb["lead_id"] not in self.leads:
                expected = self._unknown(verb, "unknown_lead")
            case "act" if verb["rep_id"] not in self.reps:
                expected = self._unknown(verb, "unknown_rep")
            case "act":
                expected = self._once("act", verb["action_id"])
            case "close":
                expected = self._once("close", verb["outcome_id"])
            case "attend":
                expected = self._attend(self.reps[verb["rep_id"]], verb, now)
            case "tick" if said.code == "more":
                expected = "more"
        if said.code != expected:
            self._fault(7, f"{verb} was answered {said.code}, {expected} was due")

    def _is_live(self, verb: Mapping[str, Any]) -> bool:
        """Tell whether the rep speaks of the assignment that stands."""
        lead = self.leads[verb["lead_id"]]
        return lead.rep == verb["rep_id"] and verb["attempt"] in (None, lead.attempt)

    def _answered(self, verb: Mapping[str, Any], before: str, facts: Sequence[Fact], *, live: bool) -> None:
        """Hold accept, decline and release to it: they count from the holder on the live attempt, and only then."""
        action = verb["action"]
        told = any(fact["t"] == "notify" and fact["kind"] == "superseded" for fact in facts)
        if action == "accept":
            counted = any(fact["t"] == "accepted" for fact in facts)
            right = counted == (before == "assigned") if live else counted != told
            right = right and (live or told or before == "waiting")
        else:
            lost = {"decline": "declined", "release": "released"}[action]
            counted = any(fact["t"] == "unassigned" and fact["reason"] == lost for fact in facts)
            right = counted == live
        if not right or (live and told) or not (live or told or counted):
            word = "live" if live else "over"
            self._fault(2, f"{verb} of a lead that is {before}, by a rep whose assignment is {word}: {list(facts)}")

    def _once(self, kind: str, name: str) -> str:
        if (kind, name) in self._ids:
            return "repeat"
        self._ids.add((kind, name))
        return "done"

    def _unknown(self, verb: Mapping[str, Any], code: str) -> str:
        kind = verb["verb"]
        name = verb["action_id" if kind == "act" else "outcome_id"]
        return "repeat" if (kind, name) in self._ids else code

    def _attend(self, rep: Rep, verb: Mapping[str, Any], now: int) -> str:
        at = min(verb["at"], now)
        ahead = verb["at"] - at
        if at < rep.seen_at or (at == rep.seen_at and ahead <= rep.ahead):
            return "repeat"
        rep.seen_at, rep.ahead = at, ahead
        until = at + verb["ttl"] if verb["ttl"] else 0
        expired = 0 < until <= now
        if verb["heartbeat"] and rep.status == "offline":
            return "done"
        if not verb["heartbeat"]:
            rep.status = verb["status"]
        rep.until = until
        if expired:
            rep.status, rep.until = "offline", 0
        return "done"

    def _install(self, policy: Install) -> None:
        self.policies.append((self.sequence + 1, policy.version))
        for rep in self.reps.values():
            rep.active = False
        for seat in policy.seats:
            rep = self.reps.setdefault(seat.id, Rep(seat.id))
            rep.active, rep.capacity = seat.active, seat.capacity
        for audience in policy.audiences:
            self._members[audience.id] = frozenset(audience.members)

    def _fact(self, fact: Fact, taken: Container[str]) -> None:
        kind = fact["t"]
        if kind == "presence":
            rep = self.reps[fact["rep"]]
            rep.status, rep.until, rep.seen_at, rep.ahead = "away", 0, fact["at"], 0
        if "seq" not in fact:
            return
        self.counts[kind] += 1
        if fact["seq"] != self.sequence + 1:
            self._fault(1, f"sequence {fact['seq']} follows {self.sequence}")
        self.sequence = fact["seq"]
        lead = self.leads[fact["lead"]]
        if kind in ("queued", "assigned") and lead.state in ("new", "touched", "closed"):
            lead.tries, lead.tried = 0, set()
        if kind != "accepted":
            self._leave(lead)
        if kind == "assigned":
            self._assigned(lead, fact, taken=lead.id in taken)
        elif kind == "unassigned" and fact["reason"] != "rep_unavailable":
            lead.tries += 1
            lead.tried.add(fact["rep"])
        elif kind == "queued":
            lead.queued_at, lead.submitted = fact["at"], fact["submitted"]
            lead.steps = self._deck.steps(lead.id, fact["route"])
            if lead.tries < MAX_ATTEMPTS:
                self._lanes[lead.steps].add(lead.id)
        lead.state = "waiting" if kind == "queued" else kind

    def _leave(self, lead: Lead) -> None:
        """Take the lead out of the queue and of its rep's hands."""
        self._lanes[lead.steps].discard(lead.id)
        if lead.rep is not None:
            self.reps[lead.rep].held.discard(lead.id)
            lead.rep = None

    def _assigned(self, lead: Lead, fact: Fact, *, taken: bool) -> None:
        rep = self.reps[fact["rep"]]
        if len(rep.held) >= rep.capacity:
            self._fault(3, f"sequence {fact['seq']}: {rep.id} holds {len(rep.held)} of {rep.capacity}")
        if not rep.active or (rep.status != "available" and not taken):
            self._fault(4, f"sequence {fact['seq']}: {rep.id} is {rep.status}, active {rep.active}")
        rep.held.add(lead.id)
        lead.rep, lead.attempt = rep.id, fact["attempt"]

    def _nobody_waits(self, now: int, verb: Mapping[str, Any]) -> None:
        """Look for a lead that waits while somebody untried is free for it in a step that must be open."""
        free = {rep.id for rep in self.reps.values() if rep.is_free}
        if not free:
            return
        for steps, waiting in self._lanes.items():
            if waiting and any(free & self._members[step.audience] for step in steps):
                for lead in map(self.leads.__getitem__, waiting):
                    able = self._able(lead, free)
                    if able:
                        self._fault(6, f"at {now}, after {verb}: {lead} waits, {sorted(able)} free")

    def _nobody_gone_keeps(self, now: int, verb: Mapping[str, Any]) -> None:
        """Look for a rep who is not there any more and still has what they have not accepted."""
        for rep in self.reps.values():
            if rep.held and (not rep.active or rep.status in ("away", "offline")):
                kept = sorted(lead for lead in rep.held if self.leads[lead].state == "assigned")
                if kept:
                    self._fault(4, f"at {now}, after {verb}: {rep.id} is {rep.status} and keeps {kept}")

    def _able(self, lead: Lead, free: set[str]) -> set[str]:
        able: set[str] = set()
        for step in self._open(lead):
            able |= (free & self._members[step.audience]) - lead.tried
        return able

    def _open(self, lead: Lead) -> Iterator[Step]:
        """Give the steps that are open for certain: by a timer that has fired, or as nobody is there before them."""
        known = max(self._ticked, lead.queued_at)
        for step in lead.steps:
            yield step
            aged = step.widen_after is None or lead.submitted + step.widen_after <= known
            there = (self.reps[rep] for rep in self._members[step.audience] - lead.tried)
            if not aged and any(rep.on_duty for rep in there):
                return
