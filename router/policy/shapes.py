"""
The shape of every section of a configuration: which keys there are and what each may hold.

What the sections say to one another (references, expressions, contradictions)
is for the modules beside this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, ValidationInfo
from pydantic_core import PydanticKnownError

from router.domain.policy import Stage, Strategy
from router.events.notification import NotificationKind

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)\Z")
_LONGEST = 3650 * _UNITS["d"]
_LONGEST_TEXT = 4000

STORED: Mapping[str, bool] = {"stored": True}
"""The context in which a canonical text is read: it is longer than what was written and accepted in the files."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in whole milliseconds, with the unit it was written in."""

    millis: int
    unit: str


def parse_duration(value: object) -> Duration:
    """
    Read a duration: a whole number above zero and `ms`, `s`, `m`, `h` or `d`.

    >>> parse_duration("90s").millis
    90000
    """
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        message = f"{value!r} is not a duration|write a whole number and ms, s, m, h or d, as in 90s"
        raise ValueError(message)
    millis = int(match[1]) * _UNITS[match[2]]
    if not 0 < millis <= _LONGEST:
        message = f"the duration {value!r} must be above zero and at most 3650d|leave the key out to turn a limit off"
        raise ValueError(message)
    return Duration(millis, match[2])


def _clean_name(value: str) -> str:
    if value != value.strip() or not value.isprintable():
        message = f"{value!r} must not have blanks around it or unprintable characters|rename it"
        raise ValueError(message)
    return value


def _held_in_length(value: str, info: ValidationInfo) -> str:
    # a stored expression has blanks between its tokens, and a pool's names every member
    if len(value) > _LONGEST_TEXT and info.context != STORED:
        raise PydanticKnownError("string_too_long", {"max_length": _LONGEST_TEXT})
    return value


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        message = f"{value!r} is not a date|write YYYY-MM-DD, as in 2026-12-24"
        raise ValueError(message) from None


def _zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):
        message = f"{value!r} is not a time zone|write an IANA name, as in America/New_York"
        raise ValueError(message) from None


Span = Annotated[Duration, PlainValidator(parse_duration)]
Text = Annotated[str, StringConstraints(min_length=1), AfterValidator(_held_in_length)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=128), AfterValidator(_clean_name)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Day = Annotated[date, PlainValidator(_day)]
Zone = Annotated[str, AfterValidator(_zone)]
Scalar = str | int | float | bool
Attribute = Scalar | list[Scalar]
Points = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Shape(BaseModel):
    """Base of all shapes: an unknown key is an error and nothing is read as something else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FormShape(Shape):
    """What asking through a form means."""

    action: Name
    intent: Literal["high", "low", "none"]
    when: Text | None = None


class FitRuleShape(Shape):
    """One rule of fit."""

    name: Name
    when: Text
    points: Points


class SegmentShape(Shape):
    """One segment."""

    name: Name
    when: Text


class FitShape(Shape):
    """The section `fit`."""

    icp_at: Annotated[int, Field(ge=0, le=100)]
    rules: list[FitRuleShape]
    segments: list[SegmentShape] = []


class EngagementShape(Shape):
    """The section `engagement`; absent, behaviour counts nothing."""

    half_life: Span = Duration(14 * _UNITS["d"], "d")
    mql_at: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    points: dict[Name, Points] = {}


class StageShape(Shape):
    """One rule of `stages`."""

    stage: Stage
    when: Text
    reason: Text | None = None


class TagShape(Shape):
    """One rule of `tags`."""

    tag: Name
    when: Text


class HolidaysShape(Shape):
    """Which days nothing opens."""

    country: Annotated[str, StringConstraints(min_length=2, max_length=2)] | None = None
    subdivision: Name | None = None
    extra: list[Day] = []


class CalendarShape(Shape):
    """One calendar."""

    timezone: Zone
    hours: dict[str, list[str]]
    holidays: HolidaysShape = HolidaysShape()


class RepShape(Shape):
    """One rep."""

    id: Name
    name: Text
    email: Text
    active: bool = True
    capacity: Annotated[int, Field(ge=0, le=100_000)] = 3
    weight: Annotated[int, Field(ge=1, le=16)] = 1
    calendar: Name | None = None
    manager: Name | None = None
    attributes: dict[Name, Attribute] = {}


class ManagerShape(Shape):
    """One manager."""

    id: Name
    name: Text
    email: Text


class PoolShape(Shape):
    """One pool."""

    members: Text
    strategy: Strategy = "least_loaded"


class StepShape(Shape):
    """One step of a route."""

    pool: Name
    match: Text | None = None
    accept_within: Span | None = None
    widen_after: Span | None = None


class RouteShape(Shape):
    """One route."""

    name: Name
    when: Text
    to: Literal["nurture", "none"] | None = None
    priority: Annotated[int, Field(ge=0, le=9999)] = 0
    sla: Name | None = None
    escalate_to: Name | None = None
    sticky: list[Literal["owner", "account"]] = []
    steps: list[StepShape] = []


class SlaShape(Shape):
    """One SLA target."""

    first_touch: Span
    clock: Literal["elapsed", "working"] = "elapsed"
    calendar: Name | None = None
    warn_at: list[Share] = []
    on_breach: list[Literal["notify_manager", "reassign", "reassign_always"]] = []


class LimitsShape(Shape):
    """The section `limits`."""

    max_attempts: Annotated[int, Field(ge=1, le=1000)] = 5
    misses_before_away: Annotated[int, Field(ge=1, le=1000)] = 2
    daily_per_rep: Annotated[int, Field(ge=1, le=100_000)] | None = None
    max_age: Span = Duration(7 * _UNITS["d"], "d")
    retry_after: Span = Duration(30 * _UNITS["s"], "s")


class HttpShape(Shape):
    """An HTTP source of company facts."""

    url: Text
    secret_env: Name | None = None
    map: dict[Name, Text] = {}


class EnrichmentShape(Shape):
    """The section `enrichment`."""

    budget: Span = Duration(300, "ms")
    dataset: Name | None = None
    http: HttpShape | None = None


class SourceShape(Shape):
    """A form platform that posts to the gateway."""

    kind: Literal[
        "typeform",
        "tally",
        "webflow",
        "calendly",
        "meta",
        "intercom",
        "hubspot",
        "jotform",
        "standard_webhooks",
        "generic",
    ]
    form: Name
    secret_env: Name | None = None
    map: dict[Name, Text] = {}
    verify_env: Name | None = None
    token_env: Name | None = None
    api: Text | None = None
    header: HeaderName | None = None
    timestamp_header: HeaderName | None = None
    algorithm: Literal["sha256", "sha1", "sha512"] | None = None


class ChannelShape(Shape):
    """Where notifications go: an Apprise URL, or a webhook."""

    url_env: Name | None = None
    webhook: Text | None = None
    secret_env: Name | None = None


class NotifyRuleShape(Shape):
    """Which notifications or events go to which channels."""

    kinds: list[NotificationKind] = []
    events: list[
        Literal["lead-decisions", "lead-assignments", "rep-notifications", "sla-events", "dead-letters", "rep-presence"]
    ] = []
    to: Annotated[list[Name], Field(min_length=1)]


class NotifyShape(Shape):
    """The section `notify`."""

    channels: dict[Name, ChannelShape] = {}
    rules: list[NotifyRuleShape] = []


class PolicyShape(Shape):
    """All sections of a configuration."""

    forms: Annotated[dict[Name, FormShape], Field(min_length=1)]
    fit: FitShape
    stages: list[StageShape]
    reps: list[RepShape]
    pools: dict[Name, PoolShape]
    routes: list[RouteShape]
    sla: dict[Name, SlaShape]
    engagement: EngagementShape = EngagementShape()
    tags: list[TagShape] = []
    calendars: dict[Name, CalendarShape] = {}
    managers: list[ManagerShape] = []
    limits: LimitsShape = LimitsShape()
    enrichment: EnrichmentShape | None = None
    sources: dict[Name, SourceShape] = {}
    notify: NotifyShape = NotifyShape()


SECTIONS = tuple(PolicyShape.model_fields)
