"""
Reads the example: who sends what when, and what each rep does about the leads they get.

One second of the demo stands for a minute of real life. Nothing here waits or
sends, and nothing is drawn by lot: the same example plays the same way each time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from ruamel.yaml import YAML

from router.events.base import rfc3339
from router.events.presence import PresenceStatus

_HERE = files("router.demo")


@dataclass(frozen=True, slots=True)
class Planned:
    """One submission and when it is sent; `data` is that of `form.submitted.v1`."""

    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """What a rep does `after` the assignment."""

    after: timedelta
    action: Literal["accept", "decline", "touch"]


@dataclass(frozen=True, slots=True)
class Sign:
    """What a rep tells of themselves `after` the start of the demo; a ttl of 0 never runs out."""

    after: timedelta
    status: PresenceStatus
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class RepScript:
    """
    How one rep behaves. Offers are numbered from 1 in the order in which the rep gets them.

    * **declines_every** - each so-and-so-many-th offer is declined; 0 is none.
    * **misses** - offers that the rep lets run out, where they have to be accepted.
    * **slow** - offers that are accepted and called only `slow_after` the assignment.
    * **returns_after** - how soon the rep is back after the router set them away.
    """

    rep_id: str
    accepts_after: timedelta
    calls_after: timedelta
    declines_every: int
    misses: frozenset[int]
    slow: frozenset[int]
    slow_after: timedelta
    returns_after: timedelta
    presence: tuple[Sign, ...]

    def answer(self, offer: int, *, must_accept: bool) -> tuple[Move, ...]:
        """Return what the rep does about an offer, in order; nothing where they miss it."""
        if self.declines_every and offer % self.declines_every == 0:
            return (Move(self.accepts_after, "decline"),)
        if offer in self.misses and must_accept:
            return ()
        call = Move(self.slow_after if offer in self.slow else self.calls_after, "touch")
        return (Move(self.accepts_after, "accept"), call) if must_accept else (call,)


def policy_directory() -> Path:
    """Return the example's configuration."""
    return Path(str(_HERE / "policy"))


def submissions(start: datetime) -> Sequence[Planned]:
    """
    Return the example's submissions in the order of sending, the first moments after *start*.

    A line that repeats an earlier `submission_id` is the same event delivered again, with the same `submitted_at`.
    """
    lines = (_HERE / "submissions.jsonl").read_text(encoding="utf-8").splitlines()
    planned: list[Planned] = []
    made: dict[str, str] = {}
    for line in lines:
        data = json.loads(line)
        at = start + timedelta(milliseconds=data.pop("after_ms"))
        submitted_at = made.setdefault(data["submission_id"], rfc3339(at))
        planned.append(Planned(at, {**data, "submitted_at": submitted_at}))
    return planned


def rep_scripts() -> Mapping[str, RepScript]:
    """Return the script of each rep by id."""
    content = YAML(typ="safe", pure=True).load((_HERE / "reps.yaml").read_text(encoding="utf-8"))
    return {each.id: each.script() for each in _SCRIPTS.validate_python(content["reps"])}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _SignShape(_Strict):
    after_ms: int = Field(ge=0)
    status: PresenceStatus
    ttl_seconds: int = Field(default=0, ge=0)


class _RepShape(_Strict):
    id: str
    accepts_after_ms: int = Field(gt=0)
    calls_after_ms: int = Field(gt=0)
    declines_every: int = Field(default=0, ge=0)
    misses: frozenset[int] = frozenset()
    slow: frozenset[int] = frozenset()
    slow_ms: int = Field(default=0, ge=0)
    returns_after_ms: int = Field(default=2_000, gt=0)
    presence: tuple[_SignShape, ...]

    def script(self) -> RepScript:
        return RepScript(
            rep_id=self.id,
            accepts_after=timedelta(milliseconds=self.accepts_after_ms),
            calls_after=timedelta(milliseconds=self.calls_after_ms),
            declines_every=self.declines_every,
            misses=self.misses,
            slow=self.slow,
            slow_after=timedelta(milliseconds=self.slow_ms),
            returns_after=timedelta(milliseconds=self.returns_after_ms),
            presence=tuple(
                Sign(timedelta(milliseconds=sign.after_ms), sign.status, sign.ttl_seconds) for sign in self.presence
            ),
        )


_SCRIPTS = TypeAdapter(list[_RepShape])
