"""Reads what a request carries: its size is held to before anything looks at it, then its kind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import orjson
from fastapi import Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from router.entrypoints.gateway.problems import Problem
from router.events.base import EventData
from router.events.envelope import MAX_VALUE_BYTES

ONE: Final = MAX_VALUE_BYTES
LIST: Final = 1024 * 1024
AT_MOST: Final = 100
"""Items in a list."""

COMES_WITHIN: Final = 20.0
"""Seconds that a body may take to arrive."""

E = TypeVar("E", bound=EventData)


async def raw(request: Request, limit: int = ONE) -> bytes:
    """Return the body as it came; raises `Problem` 413 as soon as it is longer than *limit*, 408 when it is slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large(limit)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "Not this kind", "A body must come as it is, without Content-Encoding.")
    parts, size = [], 0
    try:
        async with asyncio.timeout(COMES_WITHIN):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise Problem(408, "Too slow", "The body did not arrive in time.", headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(408, "Gone", "The body did not arrive in full.", headers={"Connection": "close"}) from None
    return b"".join(parts)


async def content(request: Request, *, lists: bool = False) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what the JSON body says; a list may be larger than an object where there may be *lists*."""
    kind = media_type(request)
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, "Not this kind", "Send JSON: Content-Type: application/json.")
    body = await raw(request, LIST if lists else ONE)
    if len(body) > ONE and not body.lstrip(b" \t\r\n").startswith(b"["):
        raise too_large(ONE)
    return read_json(body)


def read_json(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return what *body* says as JSON; raises `Problem` 422 where it is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:  # its message may quote what it stumbled over
        raise wrong([("", f"is no JSON in UTF-8, from character {error.pos} on")]) from None


def media_type(request: Request) -> str:
    """Return the media type that the request says its body has, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def as_list(body: object) -> tuple[list[dict[str, Any]], bool]:
    """Return the objects of a body that is one or a list of them, and whether it is a list."""
    if not isinstance(body, list):
        return [as_object(body)], False
    if not body or len(body) > AT_MOST:
        raise wrong([("", f"must have 1 to {AT_MOST} items, and has {len(body)}")])
    if bad := [(str(index), "must be an object") for index, item in enumerate(body) if not isinstance(item, dict)]:
        raise wrong(bad)
    return body, True


def as_object(body: object) -> dict[str, Any]:
    """Return the object that the body is."""
    if not isinstance(body, dict):
        raise wrong([("", "must be an object")])
    return body


def validated(model: type[E], items: Sequence[dict[str, Any]], *, many: bool) -> list[E]:
    """Return *items* as *model* has them; raises `Problem` 422 that names every wrong field of every item."""
    found, faults = [], []
    for index, item in enumerate(items):
        try:
            found.append(model.model_validate(item))
        except ValidationError as error:
            faults += [(_at(index, many, *one["loc"]), one["msg"]) for one in error.errors(include_input=False)]
    if faults:
        raise wrong(faults)
    return found


def wrong(faults: Sequence[tuple[str, str]]) -> Problem:
    """Return the problem of wrong fields, each as (field, what is wrong); the body itself is an empty field."""
    errors = [{"field": field, "problem": told.removeprefix("Value error, ")} for field, told in faults]
    return Problem(422, "Not usable", "Some of what was sent cannot be used: see errors.", errors=errors)


def too_large(limit: int) -> Problem:
    """Return the problem of a body that is too large, of which the rest is not read."""
    told = f"A body has at most {limit // 1024} KiB here."
    return Problem(413, "Too large", told, headers={"Connection": "close"})


def _at(index: int, many: bool, *place: str | int) -> str:  # noqa: FBT001 - one of two ways to name a place
    return ".".join(map(str, (index, *place) if many else place))
