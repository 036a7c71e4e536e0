"""A rep's own page: their leads, most urgent first, what they do about them, and whether they are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from fastapi import APIRouter, Request, Response

from router.domain.board.now import OpenLead, RepNow
from router.entrypoints.pages.acting import LEAVES, STAYS, act, say, until_shown
from router.entrypoints.pages.desk import desk_of
from router.entrypoints.pages.render import Values, page
from router.entrypoints.pages.stream import changes
from router.entrypoints.pages.visit import (
    SCRIPTED,
    PageRoute,
    Refused,
    Visit,
    action_of,
    html,
    see_other,
    visit_of,
)
from router.events.base import to_millis
from router.events.presence import PresenceStatus

BEATS_EVERY: Final = 20_000
"""Milliseconds within which the heartbeats of a rep's pages are one on the log."""

PAUSE: Final = 0.05
DONE: Final[Mapping[str, str]] = {
    "accept": "Accepted. The lead is yours.",
    "decline": "Declined. The lead goes to somebody else.",
    "touch": "Noted: you reached them.",
    "later": "Sent. It shows here in a moment.",
    "available": "You are available.",
    "busy": "You are busy: nothing new comes to you.",
    "away": "You are away.",
    "offline": "You are offline.",
}
DECLINES: Final = ("Not my area", "No time right now", "I cannot help them", "Other")
_HINTS: Final[Mapping[str, str]] = {
    "offline": "You are offline: no leads come to you. Choose Available to begin.",
    "away": "You are away: no leads come to you until you choose Available.",
    "busy": "You are busy: you keep what you have, and nothing new comes.",
}
_PAGE: Final = re.compile(r"[0-9A-Za-z-]{8,64}")

routes = APIRouter(route_class=PageRoute, include_in_schema=False)


@routes.get("/leads")
async def leads(request: Request, done: str = "") -> Response:
    """Show the page."""
    visit = await visit_of(request)
    said = DONE.get(done, "")
    return html(page("leads.html", visit=visit, said=said, **await _values(request, visit)))


@routes.get("/leads/now")
async def leads_now(request: Request) -> Response:
    """Give what may have changed of the page."""
    visit = await visit_of(request)
    return html(page("leads_now.html", visit=visit, **await _values(request, visit)))


@routes.get("/leads/events")
async def leads_events(request: Request) -> Response:
    """Tell when it has."""
    visit = await visit_of(request)
    return changes(desk_of(request).live.listen(visit.rep_id, PAUSE))


@routes.post("/leads/{lead_id}/{action}")
async def answer(request: Request, lead_id: str, action: Literal["accept", "decline", "touch"]) -> Response:
    """Do something about a lead that one holds."""
    desk = desk_of(request)
    visit, fields = await action_of(request)
    lead = await desk.board.lead(lead_id)
    if lead is None or lead.rep_id != visit.rep_id or str(lead.attempt) != fields.get("attempt"):
        raise Refused(
            409, "Not yours any more", "This lead has moved on: it was reached, closed, or somebody else has it."
        )
    reason = " ".join(part for part in (fields.get("reason"), fields.get("more")) if part)
    channel = fields.get("channel", "call") if action == "touch" else None
    await act(desk, visit.rep_id, lead, lead.attempt, action, channel=channel, reason=reason)
    now = await until_shown(desk, lead_id, lambda now: now is None or now.revision != lead.revision)
    return _done(request, action if now is None or now.revision != lead.revision else "later")


@routes.post("/presence")
async def presence(request: Request) -> Response:
    """Set one's status."""
    desk = desk_of(request)
    visit, fields = await action_of(request)
    status = fields.get("status")
    known = next((each for each in get_args(PresenceStatus) if each == status), None)
    if known is None:
        raise Refused(422, "Which status?", "Choose one of those on the page.")
    await say(desk, visit.rep_id, known, ttl=0 if known == "offline" else STAYS)
    return _done(request, known)


@routes.post("/presence/beat")
async def beat(request: Request) -> Response:
    """Say that a page is open; it keeps the status, and sets none."""
    desk = desk_of(request)
    visit, fields = await action_of(request)
    now = to_millis(desk.door.clock.now())
    due = await desk.visitors.beat(visit.rep_id, _open_page(fields), now, every=BEATS_EVERY)
    if due or "opened" in fields:
        await say(desk, visit.rep_id, "available", heartbeat=True)
    return Response(status_code=204)


@routes.post("/presence/leave")
async def leave(request: Request) -> Response:
    """Say that a page was closed: who has no other one open is gone in a moment."""
    desk = desk_of(request)
    visit, fields = await action_of(request)
    if await desk.visitors.leave(visit.rep_id, _open_page(fields), to_millis(desk.door.clock.now())):
        await say(desk, visit.rep_id, "available", ttl=LEAVES, heartbeat=True)
    return Response(status_code=204)


def _open_page(fields: Mapping[str, str]) -> str:
    name = fields.get("page", "")
    if not _PAGE.fullmatch(name):
        raise Refused(422, "Which page?")
    return name


def _done(request: Request, what: str) -> Response:
    if SCRIPTED in request.headers:
        return Response(DONE[what], media_type="text/plain")
    return see_other(f"/leads?done={what}")


async def _values(request: Request, visit: Visit) -> Values:
    desk = desk_of(request)
    at, mine, rep = await desk.board.leads_of(visit.rep_id)
    return {
        "at": at,
        "leads": mine,
        "status": _status(rep, at),
        "rep": rep,
        "hint": _hint(rep, at, mine),
        "declines": DECLINES,
    }


def _status(rep: RepNow | None, at: int) -> str:
    return "offline" if rep is None else rep.status_at(at)


def _hint(rep: RepNow | None, at: int, mine: tuple[OpenLead, ...]) -> str:
    """Say in a sentence what the rep's status means for new leads."""
    if rep is None or not rep.active:
        return "You are not active in the configuration: no leads come to you."
    status = _status(rep, at)
    if status != "available":
        return _HINTS[status]
    if not rep.in_hours:
        return "You are available, but it is outside your working hours: leads come when those begin."
    if rep.load >= rep.capacity:
        return f"You hold {len(mine)}, which is as many as you take: the next comes when you have reached one."
    return "You are available: the next lead rings here."
