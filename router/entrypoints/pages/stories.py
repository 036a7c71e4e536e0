"""A lead's story in the order in which it happened, in sentences with the names of people instead of their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from router.domain.candidates import sentence
from router.domain.lead_story.shape import Attempt, ClockRun, ClockTurn, Decided, LeadStory, Notified, Wait
from router.entrypoints.explain_words import TURNS, span
from router.entrypoints.pages.render import CHANNELS, STAGES

Tone = Literal["good", "bad", "plain"]

_TOLD: Final[Mapping[str, str]] = {
    "assigned": "heard of the lead",
    "reminder": "was reminded to answer",
    "unassigned": "heard that the lead went to somebody else",
    "repeat": "heard that the person wrote again",
    "superseded": "heard that the lead is not theirs any more",
    "sla_warning": "was warned that time runs out",
    "sla_breach": "heard that nobody had called in time",
    "no_rep_available": "heard that nobody is there",
}
_SPENT: Final[Mapping[str, str]] = {
    "ingest": "until the form was here",
    "decide": "to decide",
    "queue": "without a rep",
    "accept": "until it was accepted",
    "touch": "with a rep until the call",
}
_GOOD: Final = frozenset({"accepted", "touched", "met"})
_BAD: Final = frozenset({"breached", "accept_timeout", "rep_unavailable", "abandoned"})


@dataclass(frozen=True, slots=True)
class Step:
    """
    One thing that happened.

    * **details** - sentences beneath; **others** - of an assignment, why it was nobody else.
    """

    at: datetime
    title: str
    tone: Tone = "plain"
    details: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    minor: bool = False


def steps_of(story: LeadStory, names: Mapping[str, str]) -> tuple[Step, ...]:
    """Return all that happened, oldest first."""
    steps = [
        *(_decided(each) for each in story.decisions),
        *(step for each in story.attempts for step in _attempt(each, names)),
        *(_wait(each, names) for each in story.waits),
        *(step for each in story.clocks for step in _clock(each)),
        *(_told(each, names) for each in story.notifications),
    ]
    return tuple(sorted(steps, key=lambda step: step.at))


def _name(names: Mapping[str, str], who: str | None) -> str:
    return "somebody" if who is None else names.get(who, who)


def _decided(one: Decided) -> Step:
    decision = one.decision
    to = {
        "sales": "goes to sales",
        "nurture": "goes to marketing",
        "none": "goes nowhere",
        "attached": "joins the lead that is open",
    }[decision.to]
    details = [*decision.reasons]
    if decision.route is not None:
        details.append(f"Priority {decision.priority}")
    details += [f"Decided otherwise than before: {cause.sentence}" for cause in one.because]
    title = f"Decided: {STAGES.get(decision.stage, decision.stage)}; {to}"
    return Step(decision.decided_at, title, details=tuple(details))


def _attempt(one: Attempt, names: Mapping[str, str]) -> Iterator[Step]:
    rep = _name(names, one.rep_id)
    if one.assigned_at is not None:
        yield Step(one.assigned_at, f"{rep} gets the lead", details=tuple(_why(one, names)), others=_others(one, names))
    for turn in one.turns:
        told = TURNS.get(turn.what, "closed as {what}").format(by=_name(names, turn.by), rep=rep, what=turn.what)
        more = f", {CHANNELS[turn.channel]}" if turn.channel else ""
        after = f", after {span(turn.after_seconds)}" if turn.after_seconds is not None else ""
        tone: Tone = "good" if turn.what in _GOOD else "bad" if turn.what in _BAD else "plain"
        yield Step(turn.at, f"{told[:1].upper()}{told[1:]}{more}{after}", tone)


def _why(one: Attempt, names: Mapping[str, str]) -> Iterator[str]:
    able = [_name(names, each.rep_id) for each in one.candidates if each.eligible]
    if one.step is None:
        yield "As the one who had this person, or their company, before."
    elif len(able) > 1:
        yield f"First in line of {len(able)} who could take it: {', '.join(able)}."
    elif able:
        yield "The only one who could take it."
    if one.pool is not None:
        yield f"By step {one.step} of route {one.route}, pool {one.pool}."
    more = one.considered - len(one.candidates)
    if more > 0:
        yield f"{one.considered} people were looked at; {more} of them are not listed."


def _others(one: Attempt, names: Mapping[str, str]) -> tuple[str, ...]:
    out = (each for each in one.candidates if not each.eligible)
    return tuple(sentence(each.code, _name(names, each.rep_id)) for each in out)


def _wait(one: Wait, names: Mapping[str, str]) -> Step:
    if one.until is None:
        return Step(
            one.since, f"Waits for a rep, {span(one.seconds)} by now", "bad", ("Nobody who may take it is free.",)
        )
    then = {
        "assigned": f"then {_name(names, one.by)} was free",
        "touched": f"then {_name(names, one.by)} made contact",
        "closed": "then it was closed",
    }[one.ended_by or "closed"]
    return Step(
        one.since, f"Waits for a rep for {span(one.seconds)}, {then}", details=("Nobody who may take it is free.",)
    )


def _clock(run: ClockRun) -> Iterator[Step]:
    for turn in run.turns:
        yield _turn(turn)


def _turn(turn: ClockTurn) -> Step:
    elapsed = span(turn.elapsed_seconds)
    title = {
        "warned": f"{turn.threshold or 0:.0%} of the time is over",
        "breached": f"Nobody had called in time, {elapsed} after the form",
        "met": f"Called in time, {elapsed} after the form",
        "resolved": f"Called late, {elapsed} after the form",
        "cancelled": f"The clock ended without a call, {elapsed} after the form",
    }[turn.what]
    if turn.in_time:
        title = f"Called in time, {elapsed} after the form; the news of it came late"
    tone: Tone = (
        "good" if turn.what == "met" or turn.in_time else "bad" if turn.what in ("breached", "resolved") else "plain"
    )
    parts = turn.breakdown.model_dump()
    spent = ", ".join(f"{span(seconds)} {_SPENT[name]}" for name, seconds in parts.items() if seconds)
    return Step(turn.at, title, tone, (f"Time spent: {spent}.",) if spent and turn.what != "warned" else ())


def _told(one: Notified, names: Mapping[str, str]) -> Step:
    return Step(one.at, f"{_name(names, one.recipient_id)} {_TOLD.get(one.kind, one.kind)}", minor=True)
