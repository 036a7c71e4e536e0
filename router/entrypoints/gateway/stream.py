"""`GET /v1/events`: what happens, as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from router.entrypoints.gateway.body import wrong
from router.entrypoints.gateway.door import Door, door_of
from router.entrypoints.gateway.entry import Agent, Sent, until_revoked
from router.entrypoints.gateway.feed import LeftBehind, Mark, Moment
from router.entrypoints.gateway.openapi import problem
from router.entrypoints.gateway.problems import away
from router.errors import DependencyDown
from router.pipeline.ending import end

STREAMS: Final = 500
"""At most so many at once in one process."""

PING_EVERY: Final = 15
SENT_WITHIN: Final = 20.0
COMES_BACK_AFTER: Final = 1000  # ms: what a browser is told to wait before it connects again

_OK: Final = {
    "description": "Events, until the client goes or the gateway stops. `id` is for `Last-Event-ID`.",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": 'id: WyJ…\nevent: lead.accepted.v1\ndata: {"lead_id": "ld_…", "sequence": 7}\n\n',
        }
    },
}
_LAST: Final = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The last `id` that was received: all that came after it follows first.",
    "schema": {"type": "string"},
}

routes = APIRouter(tags=["agents"])


@routes.get(
    "/v1/events",
    summary="Assignments, clocks and presence, as they happen",
    response_class=EventSourceResponse,
    responses={200: _OK, **{one: problem(one) for one in (401, 403, 422, 429, 503)}},
    openapi_extra={"parameters": [_LAST]},
)
async def events(request: Request, _: Agent, sent: Sent) -> EventSourceResponse:
    """
    Stream events: `event` is the type, `data` the event's data, `id` opaque.

    After a break nothing is left out with `Last-Event-ID`, which a browser sends by itself; an event may come twice,
    and has the same `sequence` (assignments) then.
    """
    door = door_of(request)
    given = request.headers.get("last-event-id", "").strip()
    after = Mark.read(given) if given else None
    if given and after is None:
        raise wrong([("Last-Event-ID", "is no id of this stream")])
    if door.figures.open_streams >= STREAMS:
        raise away("This gateway has as many streams open as it serves.")
    return EventSourceResponse(_lines(door, after, sent.credentials), ping=PING_EVERY, send_timeout=SENT_WITHIN)


async def _lines(door: Door, after: Mark | None, key: str) -> AsyncIterator[ServerSentEvent]:
    """
    Yield the events, as long as *key* is good.

    The first line only says where the stream begins, so that a break before any event is none.
    """
    begin = after or door.feed.now()
    revoked = asyncio.ensure_future(until_revoked(door, key))
    try:
        with door.figures.stream():
            yield ServerSentEvent(id=begin.text(), retry=COMES_BACK_AFTER)
            async for moment in before(revoked, door.feed.listen(begin)):
                yield ServerSentEvent(event=moment.ce_type, data=moment.data.decode(), id=moment.mark.text())
    except (LeftBehind, DependencyDown):
        return  # the client comes back with the last id that it had
    finally:
        await end([revoked])


async def before(over: asyncio.Future[None], moments: AsyncGenerator[Moment]) -> AsyncIterator[Moment]:
    """Yield *moments* until they end or it is *over*; none after that, though one be there already."""
    coming = asyncio.ensure_future(anext(moments, None))
    try:
        while True:
            await asyncio.wait((coming, over), return_when=asyncio.FIRST_COMPLETED)
            moment = None if over.done() else coming.result()
            if moment is None:
                return
            yield moment
            coming = asyncio.ensure_future(anext(moments, None))
    finally:
        await end([coming])
