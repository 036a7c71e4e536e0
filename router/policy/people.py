"""Builds who works and when: calendars, reps, managers, pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.domain.calendar import Calendar, parse_hours, public_holidays
from router.domain.expressions import Scope
from router.domain.identity import normalise_email
from router.domain.policy import Manager, Pool, Rep
from router.policy import names
from router.policy.reading import Reading
from router.policy.shapes import CalendarShape, PolicyShape

_A_YEAR = 2026  # any year shows whether a place's holidays are known


def calendars(shape: PolicyShape, reading: Reading) -> Mapping[str, Calendar]:
    """Return the calendars; hours and holidays that nobody can follow are errors."""
    return {name: found for name, one in shape.calendars.items() if (found := _calendar(name, one, reading))}


def _calendar(name: str, shape: CalendarShape, reading: Reading) -> Calendar | None:
    at = ("calendars", name)
    try:
        weekly = parse_hours(shape.hours)
    except ValueError as exc:
        message, _, suggestion = str(exc).partition("; ")
        reading.error((*at, "hours"), f"calendar {name!r}: {message}", suggestion or None)
        return None
    holidays = shape.holidays
    if holidays.country is None and holidays.subdivision is not None:
        told = f"calendar {name!r}: a subdivision without a country"
        reading.error((*at, "holidays", "subdivision"), told, "add `country:`")
    country = holidays.country.upper() if holidays.country is not None else None
    if country is not None:
        try:
            public_holidays(country, holidays.subdivision, _A_YEAR)
        except ValueError as exc:
            told = f"calendar {name!r}: {exc}"
            reading.error((*at, "holidays"), told, "write an ISO 3166 code, as in {country: US, subdivision: NY}")
            return None
    return Calendar(name, shape.timezone, weekly, country, holidays.subdivision, frozenset(holidays.extra))


def managers(shape: PolicyShape, reading: Reading) -> Mapping[str, Manager]:
    """Return the managers in their order; the first is who hears of what nobody else is named for."""
    reading.unique(("managers",), "id", "manager", (one.id for one in shape.managers))
    for index, one in enumerate(shape.managers):
        _check_email(one.email, ("managers", index, "email"), reading)
    return {one.id: Manager(one.id, one.name, one.email) for one in shape.managers}


def reps(shape: PolicyShape, reading: Reading) -> Mapping[str, Rep]:
    """Return the reps in their order."""
    reading.unique(("reps",), "id", "rep", (one.id for one in shape.reps))
    bosses = {one.id for one in shape.managers}
    found: dict[str, Rep] = {}
    for order, one in enumerate(shape.reps):
        at = ("reps", order)
        _check_email(one.email, (*at, "email"), reading)
        reading.known((*at, "calendar"), "calendar", one.calendar, shape.calendars)
        reading.known((*at, "manager"), "manager", one.manager, bosses)
        if "id" in one.attributes:
            reading.error((*at, "attributes", "id"), "an attribute cannot be called 'id'", "that is the rep's own id")
        found[one.id] = Rep(
            id=one.id,
            name=one.name,
            email=one.email,
            active=one.active,
            capacity=one.capacity,
            weight=one.weight,
            calendar=one.calendar,
            manager=one.manager,
            attributes=one.attributes,
            order=order,
        )
    return found


def attributes(shape: PolicyShape) -> frozenset[str]:
    """Return the names of all reps' attributes."""
    return frozenset(name for rep in shape.reps for name in rep.attributes)


def pools(shape: PolicyShape, found: Mapping[str, Rep], reading: Reading) -> Mapping[str, Pool]:
    """Return the pools with their members, inactive ones included."""
    return {
        name: Pool(name, one.strategy, tuple(_members(name, one.members, found, attributes(shape), reading)))
        for name, one in shape.pools.items()
    }


def _members(
    pool: str,
    text: str,
    found: Mapping[str, Rep],
    known: frozenset[str],
    reading: Reading,
) -> Iterator[str]:
    at = ("pools", pool, "members")
    before = len(reading.findings.errors)
    expression = reading.expression(at, text, names.for_members(known))
    if len(reading.findings.errors) > before:
        return
    empty = True
    for rep in found.values():
        scope = Scope({"rep": {**rep.attributes, "id": rep.id}}, expression.paths)
        if expression.evaluate(scope).matched:
            empty = False
            yield rep.id
    if empty:
        reading.warn(at, f"pool {pool!r} has no members", "nobody can be assigned by it")


def _check_email(email: str, at: tuple[str | int, ...], reading: Reading) -> None:
    if normalise_email(email) is None:
        reading.error(at, f"{email!r} is not an e-mail address", "as in ana@example.com")
