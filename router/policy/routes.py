"""Builds where leads go and how soon: routes, their steps, SLA targets."""

from __future__ import annotations

from collections.abc import Mapping

from router.domain.expressions import Expression, Names
from router.domain.policy import Route, RouteStep, SlaTarget
from router.policy import names, people
from router.policy.reading import Reading
from router.policy.shapes import Duration, PolicyShape, RouteShape, SlaShape, StepShape


def routes(shape: PolicyShape, company: frozenset[str], reading: Reading) -> tuple[Route, ...]:
    """Return the routes in their order."""
    reading.unique(("routes",), "name", "route", (one.name for one in shape.routes))
    reading.reachable(("routes",), "route", [(one.name, one.when) for one in shape.routes])
    return tuple(_route(index, one, shape, company, reading) for index, one in enumerate(shape.routes))


def _route(index: int, one: RouteShape, shape: PolicyShape, company: frozenset[str], reading: Reading) -> Route:
    at = ("routes", index)
    _check_destination(at, one, reading)
    reading.known((*at, "sla"), "SLA target", one.sla, shape.sla)
    reading.known((*at, "escalate_to"), "manager", one.escalate_to, {boss.id for boss in shape.managers})
    match_names = names.for_match(company, people.attributes(shape))
    return Route(
        name=one.name,
        when=reading.expression((*at, "when"), one.when, names.for_routes(company)),
        to=one.to or "sales",
        priority=one.priority,
        sla=one.sla,
        escalate_to=one.escalate_to,
        sticky=tuple(dict.fromkeys(one.sticky)),
        steps=tuple(
            _step((*at, "steps", number), step, shape, match_names, reading) for number, step in enumerate(one.steps)
        ),
    )


def _check_destination(at: tuple[str | int, ...], one: RouteShape, reading: Reading) -> None:
    if one.to is None and not one.steps:
        told = f"route {one.name!r} goes nowhere"
        reading.error(at, told, "give it `steps:`, or `to: nurture` or `to: none`")
    if one.to is None:
        if one.steps and one.steps[-1].widen_after is not None:
            last = (*at, "steps", len(one.steps) - 1, "widen_after")
            reading.warn(last, f"route {one.name!r}: no step follows the last `widen_after`", "remove it")
        return
    if one.steps:
        reading.error((*at, "to"), f"route {one.name!r} has both `steps` and `to: {one.to}`", "keep one of the two")
        return
    if one.sla is not None:
        told = f"route {one.name!r} goes to {one.to}, where no clock runs"
        reading.error((*at, "sla"), told, "remove `sla`, or give the route `steps:`")
    for key, given in (("escalate_to", one.escalate_to), ("sticky", one.sticky)):
        if given:
            reading.warn((*at, key), f"route {one.name!r} goes to {one.to}: `{key}` does nothing", f"remove `{key}`")


def _step(
    at: tuple[str | int, ...],
    one: StepShape,
    shape: PolicyShape,
    match_names: Names,
    reading: Reading,
) -> RouteStep:
    reading.known((*at, "pool"), "pool", one.pool, shape.pools)
    match: Expression | None = None
    if one.match is not None:
        match = reading.expression((*at, "match"), one.match, match_names)
        unique = sorted(p for p in match.paths if any(p == n or p.startswith(f"{n}.") for n in names.NEARLY_UNIQUE))
        if unique:
            told = f"`match` names {', '.join(unique)}, which is nearly unique to a lead"
            reading.warn((*at, "match"), told, "match on what many leads share, as a language or a segment")
    return RouteStep(
        pool=one.pool,
        match=match,
        accept_within=one.accept_within.millis if one.accept_within else None,
        widen_after=one.widen_after.millis if one.widen_after else None,
    )


def sla_targets(shape: PolicyShape, reading: Reading) -> Mapping[str, SlaTarget]:
    """Return the SLA targets."""
    return {name: _target(name, one, shape, reading) for name, one in shape.sla.items()}


def _target(name: str, one: SlaShape, shape: PolicyShape, reading: Reading) -> SlaTarget:
    at = ("sla", name)
    reading.known((*at, "calendar"), "calendar", one.calendar, shape.calendars)
    if one.clock == "working":
        if one.calendar is None:
            reading.error(at, f"SLA target {name!r}: a working clock needs a calendar", "add `calendar:`")
        _refuse_days((*at, "first_touch"), name, one.first_touch, reading)
    elif one.calendar is not None:
        told = f"SLA target {name!r}: an elapsed clock has no calendar"
        reading.error((*at, "calendar"), told, "write `clock: working`, or remove `calendar`")
    for key, values in (("warn_at", one.warn_at), ("on_breach", one.on_breach)):
        if len(set(map(str, values))) < len(values):
            reading.error((*at, key), f"SLA target {name!r}: `{key}` names something twice", "keep each once")
    if {"reassign", "reassign_always"} <= set(one.on_breach):
        told = f"SLA target {name!r}: reassign_always includes reassign"
        reading.warn((*at, "on_breach"), told, "keep one of the two")
    if "notify_manager" in one.on_breach and not shape.managers:
        told = f"SLA target {name!r} tells the manager, and none is named"
        reading.error((*at, "on_breach"), told, "add `managers:`, or remove notify_manager")
    return SlaTarget(
        name=name,
        first_touch=one.first_touch.millis,
        clock=one.clock,
        calendar=one.calendar,
        warn_at=tuple(sorted(one.warn_at)),
        on_breach=tuple(dict.fromkeys(one.on_breach)),
    )


def _refuse_days(at: tuple[str | int, ...], name: str, duration: Duration, reading: Reading) -> None:
    if duration.unit == "d":
        told = f"SLA target {name!r}: a working clock counts open time, in which a day has no length"
        reading.error(at, told, "write hours, as in 16h")
