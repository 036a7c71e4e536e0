"""What surrounds every request: a bound on its body, headers that keep browsers safe, figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from router.entrypoints.gateway.body import LIST, ONE, too_large
from router.entrypoints.gateway.figures import HttpFigures

LISTS: Final = frozenset({"/v1/submissions", "/v1/activities", "/v1/outcomes"})

SAFE: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of each answer that does not set them itself, as pages do."""

SECURE: Final = "max-age=31536000"


class Around:
    """The outermost part of the application that is ours."""

    def __init__(self, app: ASGIApp, figures: HttpFigures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        one = _One(scope, receive, send)
        started = time.perf_counter()
        try:
            await one.serve(self._app)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._figures.answered(_method(scope), route, one.status, time.perf_counter() - started)


class _One:
    """One request on its way in and its answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = LIST if scope["path"] in LISTS else ONE
        self._read = 0
        self._refused = False
        self.status = 500

    async def serve(self, app: ASGIApp) -> None:
        declared = Headers(scope=self._scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            await too_large(self._limit).response()(self._scope, self._receive, self._out)
            return
        await app(self._scope, self._in, self._out)

    async def _in(self) -> Message:
        """Pass on a part of the body; what comes after too much of it is not passed on."""
        if self._refused:
            raise too_large(self._limit)
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            self._refused = True
            raise too_large(self._limit)
        return message

    async def _out(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SAFE.items():
                headers.setdefault(name, value)
            if self._scope.get("scheme") == "https":
                headers.setdefault("Strict-Transport-Security", SECURE)
        await self._send(message)


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
