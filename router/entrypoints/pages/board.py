"""The manager's page: what waits, who has what, who is there, how the day goes; and the story of each lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Request, Response

from router.entrypoints.explain import told
from router.entrypoints.pages.desk import Desk, desk_of
from router.entrypoints.pages.render import Values, page
from router.entrypoints.pages.stories import steps_of
from router.entrypoints.pages.stream import changes
from router.entrypoints.pages.visit import PageRoute, Refused, html, visit_of

PAUSE: Final = 0.5
LISTED: Final = 60
"""Leads on the board; the most urgent come first."""

_ORDER: Final = {"available": 0, "busy": 1, "away": 2, "offline": 3}

routes = APIRouter(route_class=PageRoute, include_in_schema=False)


@routes.get("/board")
async def board(request: Request) -> Response:
    """Show the page."""
    visit = await visit_of(request)
    visit.as_manager()
    return html(page("board.html", visit=visit, **await _values(desk_of(request))))


@routes.get("/board/now")
async def board_now(request: Request) -> Response:
    """Give what may have changed of the page."""
    visit = await visit_of(request)
    visit.as_manager()
    return html(page("board_now.html", visit=visit, **await _values(desk_of(request))))


@routes.get("/board/events")
async def board_events(request: Request) -> Response:
    """Tell when it has."""
    visit = await visit_of(request)
    visit.as_manager()
    return changes(desk_of(request).live.listen(None, PAUSE))


@routes.get("/board/leads/{lead_id}")
async def story(request: Request, lead_id: str) -> Response:
    """Show a lead's whole story: why this rep, and why not the others."""
    visit = await visit_of(request)
    visit.as_manager()
    desk = desk_of(request)
    door = desk.door
    found = await told(door.log.tail, door.leads, lead_id, door.clock.now(), workspace=door.workspace)
    if found is None:
        raise Refused(404, "No such lead", "Neither the ledger nor the log has it.")
    names = _names(desk)
    return html(
        page(
            "story.html",
            visit=visit,
            story=found,
            steps=steps_of(found, names),
            lead=await desk.board.lead(lead_id),
            names=names,
            at=int(found.as_of.timestamp() * 1000),
        )
    )


def _names(desk: Desk) -> Mapping[str, str]:
    policy = desk.policy
    managers = {each.id: each.name for each in policy.managers.values()}
    return managers | {each.id: each.name for each in policy.reps.values()}


async def _values(desk: Desk) -> Values:
    policy = desk.policy
    now = await desk.board.now(policy.reps)
    reps = sorted(
        (now.reps[one] for one in policy.reps if one in now.reps and (now.reps[one].active or now.reps[one].load)),
        key=lambda rep: (_ORDER[rep.status_at(now.at)], not rep.in_hours, policy.reps[rep.rep_id].order),
    )
    free = sum(rep.status_at(now.at) == "available" and rep.in_hours and rep.load < rep.capacity for rep in reps)
    return {
        "at": now.at,
        "now": now,
        "leads": now.leads[:LISTED],
        "reps": reps,
        "free": free,
        "names": _names(desk),
        "today": desk.live.numbers(),
    }
