"""For software that acts for reps: their presence, their answers to leads, and a lead's story."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse

from router.entrypoints.explain import as_json, told
from router.entrypoints.gateway.beats import Beats
from router.entrypoints.gateway.body import as_object, content, validated
from router.entrypoints.gateway.door import door_of, trace_of
from router.entrypoints.gateway.entry import Agent, soon
from router.entrypoints.gateway.ingest import new_id
from router.entrypoints.gateway.openapi import accepts, answers
from router.entrypoints.gateway.problems import Problem
from router.errors import DependencyDown
from router.events.action import RepAction
from router.events.base import rfc3339
from router.events.presence import RepPresence

TOLD_WITHIN: Final = 20.0
"""Seconds that reading a story from a long log may take."""

routes = APIRouter(tags=["agents"])

RepId = Annotated[str, Path(min_length=1, max_length=128)]
LeadId = Annotated[str, Path(min_length=1, max_length=128, description="As `lead.decided.v1` and others name it.")]


@routes.post(
    "/v1/reps/{rep_id}/presence",
    status_code=202,
    summary="Whether a rep is there",
    **answers("presence", 401, 403, 404, 408, 413, 415, 422, 429, 503),
    openapi_extra=accepts("presence"),
)
async def presence(request: Request, rep_id: RepId, _: Agent) -> JSONResponse:
    """
    Take a rep's status, from now on.

    A status becomes an event at once. A heartbeat becomes one when a third of its ttl has passed since the last, else
    it is answered with `recorded: false`: the rep stays as long as heartbeats come.
    """
    door = door_of(request)
    body = as_object(await content(request))
    [event] = validated(RepPresence, [{**body, "rep_id": rep_id, "at": rfc3339(door.clock.now())}], many=False)
    if rep_id not in door.in_force.policy.reps:
        raise Problem(404, "No such rep", "The policy in force has no rep of this id.")
    beats = Beats(door.redis, door.workspace)
    recorded = await soon(beats.due(event)) if event.heartbeat else True
    if recorded:
        try:
            await door.send("rep-presence", [event.model_dump(mode="json", exclude_none=True)], trace_of(request))
        except BaseException:
            await beats.missed(event)
            raise
    return JSONResponse({"accepted": [{"rep_id": rep_id, "recorded": recorded}]}, 202)


@routes.post(
    "/v1/leads/{lead_id}/actions",
    status_code=202,
    summary="What a rep does about a lead",
    **answers("actions", 401, 403, 404, 408, 413, 415, 422, 429, 503),
    openapi_extra=accepts("action"),
)
async def actions(request: Request, lead_id: LeadId, _: Agent) -> JSONResponse:
    """
    Take an answer to an assignment, or the first contact; `action_id` and `at` may be absent and are then made here.

    What comes of it is settled by the ledger: an action of somebody who has lost the lead changes nothing.
    """
    door = door_of(request)
    body = as_object(await content(request))
    made = {
        "action_id": body.get("action_id") or new_id("gw"),
        "at": body.get("at") or rfc3339(door.clock.now()),
        "lead_id": lead_id,
    }
    [event] = validated(RepAction, [{**body, **made}], many=False)
    if await soon(door.leads.of(lead_id)) is None:
        raise _no_lead()
    await door.send("rep-actions", [event.model_dump(mode="json", exclude_none=True)], trace_of(request))
    return JSONResponse({"accepted": [{"action_id": event.action_id}]}, 202)


@routes.get(
    "/v1/leads/{lead_id}",
    summary="A lead's whole story",
    **answers("lead", 401, 403, 404, 422, 429, 503, status=200, description="What `router explain --json` says."),
)
async def lead(request: Request, lead_id: LeadId, _: Agent) -> JSONResponse:
    """Tell a lead's story: decisions, assignments and why not others, clocks, who was told, how it stands."""
    door = door_of(request)
    try:
        async with asyncio.timeout(TOLD_WITHIN):
            story = await told(door.log.tail, door.leads, lead_id, door.clock.now(), workspace=door.workspace)
    except TimeoutError:
        raise DependencyDown("the log takes too long to read") from None
    if story is None:
        raise _no_lead()
    return JSONResponse(as_json(story))


def _no_lead() -> Problem:
    return Problem(404, "No such lead", "There is no lead of this lead_id in this workspace.")
