"""Forms on web pages post here directly: as browsers send forms, or as a script's fetch sends JSON."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import urljoin, urlsplit

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from router.adapters.redis.keys import Key
from router.entrypoints.gateway.body import validated, wrong
from router.entrypoints.gateway.door import Door, door_of, trace_of
from router.entrypoints.gateway.entry import hold_address, hold_to_rate, known
from router.entrypoints.gateway.form_fields import HONEYPOT, NEXT, fields_of, submission_of
from router.entrypoints.gateway.ingest import new_id
from router.entrypoints.gateway.openapi import answers, problem
from router.entrypoints.gateway.origins import origin_of, read_origin
from router.entrypoints.gateway.problems import Problem, as_problem
from router.events.base import rfc3339
from router.events.submission import FormSubmitted

ADDRESS_RATE: Final = "120/m"
"""
What one address may send to forms, of keys that carry a rate: so that it does not use up what is everybody's.

Others have no bound, as a gateway that does not know the proxy before it takes all who write for one address.
"""

PREFLIGHT_KEPT: Final = "600"

routes = APIRouter(tags=["forms"])

Form = Annotated[str, Path(min_length=1, max_length=128, description="A key of `forms` in the configuration.")]
FormKey = Annotated[str, Query(max_length=200, description="A key of scope `form`; it is public.")]

_TEXT: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_EXAMPLE: Final = {"email": "dana@acme.example", "company": "Acme", "_next": "https://example.com/thanks"}
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {"schema": _TEXT, "example": _EXAMPLE},
            "multipart/form-data": {"schema": _TEXT, "example": _EXAMPLE},
            "application/json": {"schema": {"type": "object"}, "example": _EXAMPLE},
        },
    }
}
_ANSWERS: Final = answers("submissions", 401, 403, 408, 413, 415, 422, 429, 503)["responses"]
_REDIRECT: Final = {"description": "Taken; `Location` is `_next`, where that is on an allowed origin."}


@routes.post(
    "/v1/forms/{form}",
    status_code=202,
    summary="A form on a web page",
    responses={**_ANSWERS, 303: _REDIRECT},
    openapi_extra=BODY,
)
async def form(request: Request, form: Form, key: FormKey = "") -> Response:
    """
    Take one submission of a form, from the origins of its key.

    Fields of the contract are taken by their names, `utm_source` and the like as `utm`, others as `fields`. A filled
    `_gotcha` gets the same answer and makes nothing. `_next` redirects there, on an allowed origin only.
    """
    door = door_of(request)
    origin = origin_of(request.headers)
    found: Key | None = None
    try:
        found = await _entered(door, request, key, origin)
        answer = await _taken(door, request, found, origin, form)
    except Exception as error:
        if (told := as_problem(error)) is None:
            raise
        answer = told.response()
    if found is not None:
        answer.headers.update(_cors(origin))
    return answer


@routes.options(
    "/v1/forms/{form}",
    status_code=204,
    summary="May a page of this origin post here?",
    response_class=Response,
    responses={
        204: {"description": "It may."},
        **{one: problem(one) for one in (401, 403, 422, 503)},
    },
)
async def preflight(request: Request, form: Form, key: FormKey = "") -> Response:  # noqa: ARG001 - part of the path
    """Answer a browser that asks before it posts JSON."""
    door = door_of(request)
    origin = origin_of(request.headers)
    await _entered(door, request, key, origin, counts=False)
    allowed = {
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": PREFLIGHT_KEPT,
    }
    return Response(status_code=204, headers={**_cors(origin), **allowed})


async def _entered(door: Door, request: Request, text: str, origin: str | None, *, counts: bool = True) -> Key:
    """Return the form key of a request that may come in."""
    if not text:
        raise Problem(401, "Who are you?", "Post to this address with ?key= and a form key.", headers=_BEARER)
    key = await known(door, text)
    if key.scope != "form":
        told = f"Forms take a key of scope form; this one's is {key.scope}, and should never stand in a page."
        raise Problem(403, "Not with this key", told)
    if origin is None or origin not in key.origins:
        raise Problem(403, "Not from here", "This key is not for pages of this origin.")
    if counts and key.rate is not None:
        await hold_address(door, request, ADDRESS_RATE, "forms")
        await hold_to_rate(door, key)
    return key


async def _taken(door: Door, request: Request, key: Key, origin: str | None, form: str) -> Response:
    given = await fields_of(request)
    onward = _onward(given.pop(NEXT, None), origin, key)
    trap = given.pop(HONEYPOT, None)
    identifier = given.pop("submission_id", None)
    made = {
        "submission_id": _own_id(key, identifier) if identifier else new_id("gw"),
        "submitted_at": rfc3339(door.clock.now()),
        "form": form,
    }
    if trap not in (None, ""):
        return _answer([{"submission_id": made["submission_id"], "duplicate": False}], onward)
    item = {**submission_of(given, request.headers.get("referer")), **made}
    [event] = validated(FormSubmitted, [item], many=False)
    receipts = await door.submit([event], trace_of(request))
    return _answer([asdict(one) for one in receipts], onward)


def _answer(accepted: list[dict[str, Any]], onward: str | None) -> Response:
    return JSONResponse({"accepted": accepted}, 202) if onward is None else RedirectResponse(onward, 303)


def _onward(given: object, origin: str | None, key: Key) -> str | None:
    """Return where the browser is sent afterwards; None where nowhere is asked for, or where that is not allowed."""
    if not isinstance(given, str) or not given.strip():
        return None
    try:
        where = urljoin(f"{origin}/", given.strip())
        parts = urlsplit(where)
    except ValueError:
        where, parts = "", urlsplit("")
    there = read_origin(f"{parts.scheme}://{parts.netloc}")
    return where if there in key.origins and given.strip().isprintable() and "\\" not in where else None


def _own_id(key: Key, identifier: object) -> str:
    """Return the id that a page gave, in a space of its own: a page is public and could name anybody's."""
    if not isinstance(identifier, str) or len(identifier) > 128:  # noqa: PLR2004 - the contract's length of an id
        raise wrong([("submission_id", "must be text of at most 128 characters")])
    return f"form_{hashlib.sha256(f'{key.id} {identifier}'.encode()).hexdigest()[:32]}"


def _cors(origin: str | None) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin or "", "Vary": "Origin"}


_BEARER: Final = {"WWW-Authenticate": "Bearer"}
