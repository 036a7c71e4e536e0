"""What other software tells: submissions, activities, outcomes."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from router.adapters.redis.keys import Key
from router.entrypoints.gateway.body import as_list, content, validated, wrong
from router.entrypoints.gateway.door import Door, door_of, trace_of
from router.entrypoints.gateway.entry import Ingest, soon
from router.entrypoints.gateway.openapi import accepts, answers
from router.entrypoints.gateway.problems import Problem, away
from router.errors import DependencyDown
from router.events.activity import LeadActivity
from router.events.base import rfc3339
from router.events.outcome import LeadOutcome
from router.events.submission import FormSubmitted

LONGEST_IDEMPOTENCY_KEY: Final = 255
WAITS_FOR_ANOTHER: Final = 3.0
"""Seconds that a request waits for one with the same `Idempotency-Key` that is in work."""
LOOKS_EVERY: Final = 0.05

routes = APIRouter(tags=["ingest"])

Made = Callable[[], str]
Answer = dict[str, Any]


@routes.post(
    "/v1/submissions",
    status_code=202,
    summary="Submissions of forms",
    **answers("submissions", 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=accepts("submission", lists=True, idempotent=True),
)
async def submissions(request: Request, key: Ingest) -> JSONResponse:
    """
    Take one submission, or a list of up to 100.

    Answers when the log has them. `submission_id` and `submitted_at` may be absent and are then made here; a
    `submission_id` that was taken before is answered with `duplicate: true` and makes nothing.
    """
    door = door_of(request)
    items, many = as_list(await content(request, lists=True))

    async def take(made: Made) -> Answer:
        now = rfc3339(door.clock.now())
        given = [
            {**_absent(item, "submission_id", made), **_absent(item, "submitted_at", lambda: now)} for item in items
        ]
        events = validated(
            FormSubmitted, [{**item, **more} for item, more in zip(items, given, strict=True)], many=many
        )
        receipts = await door.submit(events, trace_of(request))
        return {"accepted": [asdict(one) for one in receipts]}

    return JSONResponse(await _once(request, door, key, items, take), 202)


@routes.post(
    "/v1/activities",
    status_code=202,
    summary="Behaviour of people and companies",
    **answers("activities", 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra=accepts("activity", lists=True, idempotent=True),
)
async def activities(request: Request, key: Ingest) -> JSONResponse:
    """Take one activity, or a list of up to 100; `activity_id` and `at` may be absent and are then made here."""
    door = door_of(request)
    items, many = as_list(await content(request, lists=True))

    async def take(made: Made) -> Answer:
        events = validated(LeadActivity, [_filled(door, item, "activity_id", made) for item in items], many=many)
        await door.send("lead-activities", _data(events), trace_of(request))
        return {"accepted": [{"activity_id": one.activity_id} for one in events]}

    return JSONResponse(await _once(request, door, key, items, take), 202)


@routes.post(
    "/v1/outcomes",
    status_code=202,
    summary="What became of leads",
    **answers("outcomes", 401, 403, 404, 408, 413, 415, 422, 429, 503),
    openapi_extra=accepts("outcome", lists=True, idempotent=True),
)
async def outcomes(request: Request, key: Ingest) -> JSONResponse:
    """Take one outcome, or a list of up to 100; `outcome_id` and `at` may be absent and are then made here."""
    door = door_of(request)
    items, many = as_list(await content(request, lists=True))

    async def take(made: Made) -> Answer:
        events = validated(LeadOutcome, [_filled(door, item, "outcome_id", made) for item in items], many=many)
        for index, event in enumerate(events):
            if await soon(door.leads.of(event.lead_id)) is None:
                where = f"Item {index}: t" if many else "T"
                raise Problem(404, "No such lead", f"{where}here is no lead of this lead_id in this workspace.")
        await door.send("lead-outcomes", _data(events), trace_of(request))
        return {"accepted": [{"outcome_id": one.outcome_id} for one in events]}

    return JSONResponse(await _once(request, door, key, items, take), 202)


def new_id(first: str) -> str:
    """Return an id that nobody else makes; *first* says what it names."""
    return f"{first}_{uuid.uuid4().hex}"


async def _once(
    request: Request, door: Door, key: Key, items: Sequence[object], take: Callable[[Made], Awaitable[Answer]]
) -> Answer:
    """
    Return what *take* answers, or what it answered to the same `Idempotency-Key` before.

    Ids that are made here follow from that key, so that a request which is sent again, because its answer was lost,
    names the same events.
    """
    given = request.headers.get("idempotency-key")
    if given is None:
        return await take(lambda: new_id("gw"))
    if not 0 < len(given) <= LONGEST_IDEMPOTENCY_KEY:
        raise wrong([("Idempotency-Key", f"must have 1 to {LONGEST_IDEMPOTENCY_KEY} characters")])
    name = hashlib.sha256(f"{key.id}\x00{request.url.path}\x00{given}".encode()).hexdigest()
    body = hashlib.sha256(orjson.dumps(items, option=orjson.OPT_SORT_KEYS)).hexdigest()
    if (before := await _begun(door, name, body)) is not None:
        return before
    count = iter(range(len(items)))
    try:
        answer = await take(lambda: f"gw_{hashlib.sha256(f'{name} {next(count)}'.encode()).hexdigest()[:32]}")
    except BaseException:
        with suppress(DependencyDown):
            await soon(door.answers.drop(name))
        raise
    with suppress(DependencyDown):  # the log has it; who asks again is answered by its ids
        await soon(door.answers.give(name, body, answer))
    return answer


async def _begun(door: Door, name: str, body: str) -> Answer | None:
    """Return what was answered under *name*; None where the request is the first."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WAITS_FOR_ANOTHER
    while True:
        given = await soon(door.answers.begin(name, body))
        if given is None:
            return None
        if given.body != body:
            raise wrong([("Idempotency-Key", "was used for another body")])
        if isinstance(given.answer, dict):
            return given.answer
        if loop.time() > until:
            raise away("The same request is still in work.")
        await asyncio.sleep(LOOKS_EVERY)


def _absent(item: dict[str, Any], field: str, make: Made) -> dict[str, Any]:
    """Return the *field* as it is made where *item* does not give it: null and blank are not given."""
    value = item.get(field)
    return {field: make()} if value is None or (isinstance(value, str) and not value.strip()) else {}


def _filled(door: Door, item: dict[str, Any], field: str, made: Made) -> dict[str, Any]:
    return {**item, **_absent(item, field, made), **_absent(item, "at", lambda: rfc3339(door.clock.now()))}


def _data(events: Sequence[LeadActivity | LeadOutcome]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", exclude_defaults=True) for one in events]
