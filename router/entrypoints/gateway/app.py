"""The HTTP application: which routes there are and what surrounds each of them."""

from __future__ import annotations

from fastapi import FastAPI

from router.entrypoints.gateway import agents, forms, health, ingest, pages, stream, webhooks
from router.entrypoints.gateway.around import Around
from router.entrypoints.gateway.door import Door
from router.entrypoints.gateway.openapi import describe
from router.entrypoints.gateway.problems import add_handlers

VERSION = "1"
ABOUT = (
    "Events come in here and are answered with 202 once the log has them; what becomes of them is decided by the "
    "workers. Errors are problem documents (RFC 9457)."
)


def create_app(door: Door) -> FastAPI:
    """Return the gateway's application over *door*."""
    app = FastAPI(
        title="Speed-to-lead router",
        version=VERSION,
        description=ABOUT,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be made of a Host header that anybody may send
    )
    app.state.door = door
    app.add_middleware(Around, figures=door.figures)
    add_handlers(app)
    for part in (ingest, forms, webhooks, agents, stream, health, pages):
        app.include_router(part.routes)
    describe(app)
    return app
