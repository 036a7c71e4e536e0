"""
Every error of the gateway as a problem document (RFC 9457).

A problem names what is wrong and what to do, and never repeats what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from router.errors import DependencyDown

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
"""Seconds after which a client may try again where a server of ours is away."""


class Problem(Exception):
    """
    An answer that is an error.

    * **headers** - go with the answer, such as `Retry-After`.
    * **extra** - further members of the document, such as `errors`.
    """

    def __init__(
        self, status: int, title: str, detail: str = "", *, headers: Mapping[str, str] | None = None, **extra: object
    ) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self) -> dict[str, Any]:
        """Return the document."""
        told = {"detail": self.detail} if self.detail else {}
        return {"type": "about:blank", "title": self.title, "status": self.status, **told, **self.extra}

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.document(), self.status, self.headers, MEDIA_TYPE)


def away(detail: str) -> Problem:
    """Return the problem of a server that is away: nothing was accepted, and a later try may succeed."""
    return Problem(503, "A server is away", detail, headers={"Retry-After": str(RETRY_AFTER)})


def as_problem(error: Exception) -> Problem | None:
    """Return the problem that *error* becomes; None for a bug."""
    if isinstance(error, Problem):
        return error
    return away("Nothing was accepted. Try again.") if isinstance(error, DependencyDown) else None


def add_handlers(app: FastAPI) -> None:
    """Make *app* answer each error that it raises with a problem document."""
    app.add_exception_handler(Problem, _known)
    app.add_exception_handler(DependencyDown, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


async def _known(_: Request, error: Exception) -> JSONResponse:
    return (as_problem(error) or _fault()).response()


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    wrong = [{"field": ".".join(map(str, one["loc"][1:])), "problem": one["msg"]} for one in error.errors()]
    return Problem(422, "Not usable", "Some of what was sent cannot be used.", errors=wrong).response()


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    title = HTTPStatus(error.status_code).phrase
    return Problem(error.status_code, title, headers=error.headers).response()


async def _bug(_: Request, _error: Exception) -> JSONResponse:
    return _fault().response()


def _fault() -> Problem:
    return Problem(500, "A fault of the router", "Its log tells more.")
