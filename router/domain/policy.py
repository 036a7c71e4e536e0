"""
What a policy is: the frozen objects that the decision and the ledger work by.

How one is read from files, checked and versioned stands in `router/policy/`.
Durations are whole milliseconds; expressions are compiled once, at load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from router.domain.calendar import Calendar
from router.domain.expressions import Expression

Stage = Literal["rejected", "lead", "mql", "iql", "sql"]
STAGE_RANK: Mapping[str, int] = {"rejected": 0, "lead": 1, "mql": 2, "iql": 3, "sql": 4}
Intent = Literal["high", "low", "none"]
Strategy = Literal["least_loaded", "weighted_round_robin", "longest_idle", "in_order"]


@dataclass(frozen=True, slots=True)
class Form:
    """What asking through one form means. `when` guards a high intent; where it does not match the intent is low."""

    key: str
    action: str
    intent: Intent
    when: Expression | None


@dataclass(frozen=True, slots=True)
class FitRule:
    """Adds `points` (also negative) where `when` matches."""

    name: str
    when: Expression
    points: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A named band of companies; the first match names the lead's segment."""

    name: str
    when: Expression


@dataclass(frozen=True, slots=True)
class Fit:
    """
    How well a company suits us: rules, the ICP threshold, segments.

    `segments_ask_for_it` is whether a segment depends on the score, which must then be known before.
    """

    icp_at: int
    rules: tuple[FitRule, ...]
    segments: tuple[Segment, ...]
    segments_ask_for_it: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Look through the segments once."""
        ask = any(not one.when.paths.isdisjoint({"fit.score", "fit.icp"}) for one in self.segments)
        object.__setattr__(self, "segments_ask_for_it", ask)  # frozen: this is the one moment


@dataclass(frozen=True, slots=True)
class Engagement:
    """Points of behaviour that fade with `half_life` (ms)."""

    half_life: int
    mql_at: int
    points: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StageRule:
    """The first match names the stage; `reason` is what a salesperson reads."""

    stage: Stage
    when: Expression
    reason: str | None


@dataclass(frozen=True, slots=True)
class TagRule:
    """Adds `tag` where `when` matches."""

    tag: str
    when: Expression


@dataclass(frozen=True, slots=True)
class Rep:
    """A person who takes leads. `order` is the place in the configuration, from 0."""

    id: str
    name: str
    email: str
    active: bool
    capacity: int
    weight: int
    calendar: str | None
    manager: str | None
    attributes: Mapping[str, object]
    order: int


@dataclass(frozen=True, slots=True)
class Manager:
    """A person who hears of breaches and of leads that nobody holds."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A group of reps and how a lead is dealt out among them. `members` are rep ids in the configuration's order."""

    name: str
    strategy: Strategy
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One widening of a route. `match` narrows the pool by the lead's own values."""

    pool: str
    match: Expression | None
    accept_within: int | None
    widen_after: int | None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a kind of lead goes; `steps` is empty for `to` nurture or none."""

    name: str
    when: Expression
    to: Literal["sales", "nurture", "none"]
    priority: int
    sla: str | None
    escalate_to: str | None
    sticky: tuple[Literal["owner", "account"], ...]
    steps: tuple[RouteStep, ...]


@dataclass(frozen=True, slots=True)
class SlaTarget:
    """How soon the first touch is due, when to warn, and what a breach does."""

    name: str
    first_touch: int
    clock: Literal["elapsed", "working"]
    calendar: str | None
    warn_at: tuple[float, ...]
    on_breach: tuple[Literal["notify_manager", "reassign", "reassign_always"], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that hold for all routes; durations in ms."""

    max_attempts: int
    misses_before_away: int
    daily_per_rep: int | None
    max_age: int
    retry_after: int


@dataclass(frozen=True, slots=True)
class HttpLookup:
    """A source that is asked over HTTP. `fields` maps company attributes to paths in its answer."""

    url: str
    secret_env: str | None
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Enrichment:
    """
    Where company facts come from.

    `dataset` is the parsed file, registrable domain -> attributes, and
    `dataset_digest` the hash of its contents; `columns` are its columns beside `domain`.
    """

    budget: int
    dataset_name: str | None
    dataset: Mapping[str, Mapping[str, object]]
    columns: tuple[str, ...]
    dataset_digest: str = ""
    http: HttpLookup | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """
    All that a decision and a placement follow. `version` is a hash; see `router.policy.version`.

    `paths` are the values that deciding may ask for, of all expressions; a rep's are for placing. `asks_for_phone` is
    whether the number of a lead is among them. `considered` is how many reps there are in the
    pools of a route, by its name.
    """

    version: str
    forms: Mapping[str, Form]
    fit: Fit
    engagement: Engagement
    stages: tuple[StageRule, ...]
    tags: tuple[TagRule, ...]
    calendars: Mapping[str, Calendar]
    reps: Mapping[str, Rep]
    managers: Mapping[str, Manager]
    pools: Mapping[str, Pool]
    routes: tuple[Route, ...]
    sla: Mapping[str, SlaTarget]
    limits: Limits
    enrichment: Enrichment | None
    paths: frozenset[str] = field(init=False, compare=False)
    asks_for_phone: bool = field(init=False, compare=False)
    considered: Mapping[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Gather once what each lead would have to be looked through for."""
        expressions = [form.when for form in self.forms.values() if form.when is not None]
        expressions += [rule.when for rule in self.fit.rules]
        expressions += [segment.when for segment in self.fit.segments]
        expressions += [rule.when for rule in self.stages]
        expressions += [rule.when for rule in self.tags]
        expressions += [route.when for route in self.routes]
        expressions += [step.match for route in self.routes for step in route.steps if step.match is not None]
        named = frozenset[str]().union(*(expression.paths for expression in expressions))
        paths = frozenset(path for path in named if not path.startswith("rep."))
        object.__setattr__(self, "paths", paths)  # frozen: this is the one moment
        object.__setattr__(self, "asks_for_phone", "lead.phone" in paths)
        object.__setattr__(self, "considered", {route.name: len(self._members(route)) for route in self.routes})

    def _members(self, route: Route) -> set[str]:
        pools = {step.pool for step in route.steps} & self.pools.keys()
        return {rep for name in pools for rep in self.pools[name].members}
