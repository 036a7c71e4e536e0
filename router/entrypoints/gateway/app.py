"""The HTTP application: which routes there are and what surrounds each of them."""

from __future__ import annotations

from fastapi import FastAPI

from router.entrypoints.gateway import pages, webhooks
from router.entrypoints.gateway.door import Door
from router.entrypoints.gateway.problems import add_handlers


def create_app(door: Door) -> FastAPI:
    """Return the gateway's application over *door*."""
    app = FastAPI(title="Speed-to-lead router", docs_url=None, redoc_url=None)
    app.state.door = door
    add_handlers(app)
    app.include_router(webhooks.routes)
    app.include_router(pages.routes)
    return app
