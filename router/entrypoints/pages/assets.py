"""The few files that pages load: style, script, icon. Their addresses change with what is in them."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from router.entrypoints.pages.render import STATIC, static, version
from router.entrypoints.pages.visit import PageRoute, Refused

routes = APIRouter(route_class=PageRoute, include_in_schema=False)


@routes.get("/static/{name}")
async def asset(request: Request, name: str) -> Response:
    """Give a file."""
    if name not in STATIC:
        raise Refused(404, "There is no such page")
    current = request.query_params.get("v") == version(name)
    keep = "public, max-age=31536000, immutable" if current else "no-cache"
    return Response(static(name), media_type=STATIC[name], headers={"Cache-Control": keep})
