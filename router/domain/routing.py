"""
Finds who may take a lead: one audience for each step of its route.

An audience is a pool with one `match` and the values of the lead that the match
names. Leads alike share it, so who is in it is worked out once and kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from router.domain.expressions import Expression, Scope, compile_expression
from router.domain.policy import Policy, Rep, Route, Strategy
from router.events.base import rfc3339

_KEPT = 4096
"""How many audiences are remembered; the least recently used goes."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audience:
    """
    The reps of one pool who may take leads of one kind.

    * **id** - the same for the same pool, match and values, under any policy.
    * **members** - rep ids in the configuration's order, inactive ones included.
    * **match**, **values** - the match's text (None: all of the pool) and, as JSON, the lead's values
      that it names: enough to work the members out again under another policy.
    """

    id: str
    pool: str
    strategy: Strategy
    members: tuple[str, ...]
    match: str | None
    values: str


def audiences(route: Route, policy: Policy, values: Mapping[str, object]) -> tuple[Audience, ...]:
    """Return one audience for each step of *route*; *values* are the decision's."""
    found = []
    for step in route.steps:
        asked = _named(step.match, values) if step.match is not None else "{}"
        found.append(_audience(step.pool, step.match, asked, policy))
    return tuple(found)


def again(audience: Audience, policy: Policy) -> Audience:
    """Return *audience* under another policy; without members where its pool is gone."""
    match = None
    if audience.match is not None:
        # what the match named may be gone from this policy: then it is unknown and nobody matches
        match = _compiled(audience.match)
    return _audience(audience.pool, match, audience.values, policy)


def audience_id(pool: str, match: str | None, values: str) -> str:
    """Return the short hash that names an audience."""
    text = json.dumps([pool, match, values], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Question:
    """Who is in it? Two questions are the same where the pool's reps, match and values are, under whichever policy."""

    team: str
    pool: str
    match: Expression | None
    values: str
    policy: Policy = field(compare=False, repr=False)


def _audience(pool: str, match: Expression | None, values: str, policy: Policy) -> Audience:
    team = _team(_Pool(policy.version, pool, policy))
    return _answer(_Question(team, pool, match, values, policy))


@dataclass(frozen=True, slots=True)
class _Pool:
    """A pool of one policy."""

    version: str
    name: str
    policy: Policy = field(compare=False, repr=False)


@lru_cache(maxsize=_KEPT)
def _team(pool: _Pool) -> str:
    """Return a hash of all about a pool that decides who is in an audience of it."""
    known = pool.policy.pools.get(pool.name)
    told = None if known is None else [known.strategy, [rep_values(pool.policy.reps[rep]) for rep in known.members]]
    text = json.dumps(told, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=_KEPT)
def _answer(question: _Question) -> Audience:
    pool = question.policy.pools.get(question.pool)
    text = question.match.text if question.match is not None else None
    return Audience(
        id=audience_id(question.pool, text, question.values),
        pool=question.pool,
        strategy=pool.strategy if pool is not None else "least_loaded",
        members=_members(pool.members, question) if pool is not None else (),
        match=text,
        values=question.values,
    )


def _members(pool: tuple[str, ...], question: _Question) -> tuple[str, ...]:
    match = question.match
    if match is None:
        return pool
    scope = Scope(_tree(question.values), match.paths)
    members = []
    for rep_id in pool:
        scope.add("rep", rep_values(question.policy.reps[rep_id]))
        if match.evaluate(scope).matched:
            members.append(rep_id)
    return tuple(members)


def rep_values(rep: Rep) -> dict[str, object]:
    """Return `rep` as rules see it."""
    return {**rep.attributes, "id": rep.id}


@lru_cache(maxsize=_KEPT)
def _compiled(text: str) -> Expression:
    anything = dict.fromkeys(("lead", "company", "form", "fit", "engagement", "stage", "tags", "rep"))
    return compile_expression(text, anything)


def _named(match: Expression, values: Mapping[str, object]) -> str:
    """Return, as JSON, the lead's values that *match* names; a value that is not known does not stand in it."""
    found = {}
    for path, steps in _paths(match):
        value: object = values
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            found[path] = value
    return json.dumps(found, default=_plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=_KEPT)
def _paths(match: Expression) -> tuple[tuple[str, Path], ...]:
    return tuple((path, tuple(path.split("."))) for path in sorted(match.paths) if path.split(".")[0] != "rep")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return rfc3339(value.astimezone(UTC))
    return vars(value) if hasattr(value, "__dict__") else str(value)


def _tree(values: str) -> dict[str, object]:
    tree: dict[str, object] = {}
    for path, value in json.loads(values).items():
        *above, last = path.split(".")
        level: Any = tree
        for step in above:
            level = level.setdefault(step, {})
        level[last] = datetime.fromisoformat(value) if path == "lead.submitted_at" else value
    return tree
