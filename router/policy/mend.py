"""
Fills in what a shape refused, so that the rest of a broken configuration can be checked in the same run.

A mended configuration is never used for anything but finding further errors.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from router.policy.shapes import PolicyShape

_ROUNDS = 6  # a mended value may be refused again at a deeper place

_STAND_INS: Mapping[str, Callable[[str], object]] = {
    "forms": lambda _: {"?": {"action": "?", "intent": "none"}},
    "fit": lambda _: {"icp_at": 50, "rules": []},
    "stages": lambda _: [],
    "reps": lambda _: [],
    "pools": lambda _: {},
    "routes": lambda _: [],
    "sla": lambda _: {},
    "rules": lambda _: [],
    "icp_at": lambda _: 50,
    "name": lambda where: f"? {where}",
    "id": lambda where: f"? {where}",
    "tag": lambda _: "?",
    "action": lambda _: "?",
    "email": lambda _: "nobody@example.com",
    "intent": lambda _: "high",
    "stage": lambda _: "lead",
    "when": lambda _: "false",
    "members": lambda _: "true",
    "points": lambda _: 0,
    "timezone": lambda _: "UTC",
    "hours": lambda _: {"mon-fri": ["09:00-17:00"]},
    "first_touch": lambda _: "5m",
    "kind": lambda _: "generic",
    "to": lambda _: ["?"],
    "url": lambda _: "https://example.com/{domain}",
}


def mend(values: dict[str, object]) -> PolicyShape | None:
    """Return *values* in shape, with what was refused left out or filled in; None where that cannot be done."""
    values = copy.deepcopy(values)
    for _ in range(_ROUNDS):
        try:
            return PolicyShape.model_validate(values)
        except ValidationError as exc:
            for error in exc.errors(include_url=False, include_input=False, include_context=False):
                _mend_one(values, error["loc"], error["type"])
    return None


def _mend_one(values: dict[str, object], loc: tuple[int | str, ...], kind: str) -> None:
    """Remove the value at *loc*, or put in its stand-in where the shape cannot do without it."""
    path, containers = _follow(values, loc)
    inside = containers[-1]
    if kind == "missing":
        if isinstance(inside, dict):
            inside[str(loc[-1])] = _stand_in(loc[-1], path)
        return
    if "hours" in path:  # a day's spans make sense together only
        path = path[: path.index("hours") + 1]
    while path:
        part, inside = path.pop(), containers[len(path)]
        if isinstance(inside, dict):
            stand_in = _stand_in(part, path)
            if part in _STAND_INS and kind != "extra_forbidden" and inside[str(part)] != stand_in:
                inside[str(part)] = stand_in
            else:
                inside.pop(str(part), None)
            return
        if _holds_rules(inside):
            inside[int(part)] = {}
            return
        # a list of plain values goes as a whole


def _follow(values: dict[str, object], loc: tuple[int | str, ...]) -> tuple[list[int | str], list[Any]]:
    """Return the part of *loc* that stands in *values*, and what is passed on the way, the top first."""
    path: list[int | str] = []
    passed: list[Any] = [values]
    for part in loc:
        inside = passed[-1]
        inner = inside.get(part) if isinstance(inside, dict) else None
        if isinstance(inside, list) and isinstance(part, int) and part < len(inside):
            inner = inside[part]
        if inner is not None:  # else a branch of a union, or "[key]", which names nothing in the values
            path.append(part)
            passed.append(inner)
    return path, passed


def _holds_rules(items: list[Any]) -> bool:
    """Return whether a list holds rules rather than plain values."""
    return any(isinstance(item, dict) for item in items)


def _stand_in(part: int | str, path: list[int | str]) -> object:
    make = _STAND_INS.get(str(part))
    return make(".".join(map(str, path))) if make is not None else "?"
