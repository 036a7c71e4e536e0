"""
Shows figures and health over HTTP, at `ROUTER_METRICS_LISTEN`.

In the process's own event loop, on purpose: where the loop does not turn nobody answers, and whoever looks after the
process sees that. `prometheus_client` brings a server too, in a thread, which would say "fine" all the while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiohttp import web

from router.entrypoints.metrics.figures import TEXT, Figures
from router.errors import BadInput

log = structlog.get_logger()

Health = Callable[[], Mapping[str, bool]]
"""Says of each thing that a process needs whether it is well."""

_WORDS: Final = {True: "ok", False: "away"}


async def serve_metrics(address: tuple[str, int], figures: Figures, health: Health) -> None:
    """Serve until cancelled. Raises `BadInput` where the address cannot be had."""
    host, port = address

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=figures.text(), headers={"Content-Type": TEXT})

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(_: web.Request) -> web.Response:
        parts = health()
        good = all(parts.values())
        told = {"status": _WORDS[good], **{name: _WORDS[well] for name, well in parts.items()}}
        return web.json_response(told, status=200 if good else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/health/live", live), web.get("/health/ready", ready)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise BadInput(
                f"ROUTER_METRICS_LISTEN={host}:{port}: cannot listen there ({error.strerror}). Choose another."
            ) from None
        bound = runner.addresses[0]
        log.info("metrics.ready", address=f"http://{bound[0]}:{bound[1]}/metrics")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
