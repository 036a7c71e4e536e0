"""
What surrounds every page: who visits, tokens against forged forms, headers that browsers hold to, errors as pages.

A form is refused unless the browser says that it comes from a page of ours and it
carries that page's token. Of a signed-in visitor the token belongs to the session,
of any other to a cookie that lasts as long as the window.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute

from router.adapters.redis.visitors import SESSION_FOR
from router.entrypoints.gateway.body import raw
from router.entrypoints.gateway.problems import Problem
from router.entrypoints.pages.desk import Desk, desk_of
from router.entrypoints.pages.people import Person, by_key
from router.entrypoints.pages.render import page
from router.errors import DependencyDown

FORM_AT_MOST: Final = 16 * 1024
FIELDS_AT_MOST: Final = 20
SCRIPTED: Final = "x-from-script"
"""Sent by our script, which shows an answer itself; a form that a browser sends gets a page."""

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # addresses hold tokens; `no-referrer` would take the origin from our own forms
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex",
}


class Refused(Exception):
    """A request that is answered by a page that says why, or where to go."""

    def __init__(self, status: int, title: str, text: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.text, self.headers = status, title, text, dict(headers or {})


class SignInFirst(Exception):
    """The page is for people who are signed in."""


class PageRoute(APIRoute):
    """A route whose answers are pages, errors too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, with what surrounds it."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                answer = await inner(request)
            except SignInFirst:
                answer = _to_sign_in(request)
            except Refused as refused:
                answer = _told(request, refused)
            except Problem as problem:
                told = Refused(problem.status, problem.title, problem.detail, headers=problem.headers)
                answer = _told(request, told)
            except DependencyDown:
                again = "A server behind this page does not answer. Nothing was changed; try again in a moment."
                answer = _told(request, Refused(503, "Not at the moment", again, headers={"Retry-After": "2"}))
            if session := getattr(request.state, "renewed", None):
                _keep_session(answer, desk_of(request), session)
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            answer.headers.setdefault("Cache-Control", "no-store")
            return answer

        return handle


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in visitor. `token` goes into every form of theirs."""

    person: Person
    session: str
    token: str
    trial: bool

    @property
    def rep_id(self) -> str:
        """The rep they are; raises `Refused` for who is none."""
        if self.person.rep_id is None:
            raise Refused(403, "For reps only", "This page is for people who take leads.")
        return self.person.rep_id

    def as_manager(self) -> None:
        """Raise `Refused` for who is no manager."""
        if self.person.manager_id is None:
            raise Refused(403, "For managers only", "This page is for people who look after the whole team.")


async def visit_of(request: Request) -> Visit:
    """Return who visits; raises `SignInFirst` where nobody is signed in, or who is no longer in the configuration."""
    visit = await visitor(request)
    if visit is None:
        raise SignInFirst
    return visit


async def visitor(request: Request) -> Visit | None:
    """Return who visits; None where nobody is signed in."""
    desk = desk_of(request)
    session = desk.signed(request.cookies.get(session_cookie(desk), ""))
    whose = await desk.visitors.whose(session) if session else None
    if session is None or whose is None:
        return None
    kind, key, renewed = whose
    person = by_key(desk.policy, kind, key)
    if person is None:
        return None
    request.state.renewed = session if renewed else None
    return Visit(person, session, desk.token(session), desk.tries_out(request))


async def form_of(request: Request, expected: str) -> Mapping[str, str]:
    """
    Return the fields of a form; raises `Refused` where it is not one of ours.

    * **expected** - the token that the page with the form was given.
    """
    _same_origin(request)
    body = await raw(request, FORM_AT_MOST)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_AT_MOST)
    except ValueError:
        raise Refused(400, "That cannot be read", "Load the page again and repeat.") from None
    fields = dict(pairs)
    if not hmac.compare_digest(fields.pop("token", "").encode(), expected.encode()):
        raise Refused(403, "This page is too old", "Load the page again and repeat: it was open for too long.")
    return fields


async def action_of(request: Request) -> tuple[Visit, Mapping[str, str]]:
    """Return who sends a form, and its fields."""
    visit = await visit_of(request)
    return visit, await form_of(request, visit.token)


def stranger(request: Request) -> str:
    """Return what a visitor who is not signed in carries, as far as they carry something of ours; else a new one."""
    desk = desk_of(request)
    return desk.signed(request.cookies.get(stranger_cookie(desk), "")) or secrets.token_urlsafe(16)


def keep_stranger(request: Request, answer: Response, carried: str) -> None:
    """Let a visitor who is not signed in carry *carried*."""
    desk = desk_of(request)
    _set(answer, desk, stranger_cookie(desk), desk.sign(carried), None)


async def welcome(desk: Desk, person: Person, answer: Response) -> None:
    """Sign *person* in with *answer*."""
    session = secrets.token_urlsafe(32)
    await desk.visitors.begin(session, *person.key)
    _keep_session(answer, desk, session)


async def farewell(request: Request, visit: Visit, answer: Response) -> None:
    """Sign the visitor out."""
    desk = desk_of(request)
    await desk.visitors.end(visit.session)
    request.state.renewed = None  # else the browser would be given it back
    answer.delete_cookie(session_cookie(desk), secure=is_https(desk), httponly=True, samesite="lax")


def session_cookie(desk: Desk) -> str:
    """Return the name of the cookie that holds the session."""
    return "__Host-router-session" if is_https(desk) else "router-session"


def stranger_cookie(desk: Desk) -> str:
    """Return the name of the cookie of who is not signed in."""
    return "__Host-router-visit" if is_https(desk) else "router-visit"


def is_https(desk: Desk) -> bool:
    """Return whether the pages are reached over TLS."""
    return (desk.base or "").startswith("https:")


def see_other(path: str) -> Response:
    """Return the answer to a form that was taken: go on to *path*."""
    return RedirectResponse(path, 303)


def html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page."""
    return HTMLResponse(text, status, dict(headers or {}))


def _keep_session(answer: Response, desk: Desk, session: str) -> None:
    """Let the browser keep the session for as long as Redis does."""
    _set(answer, desk, session_cookie(desk), desk.sign(session), SESSION_FOR)


def _set(answer: Response, desk: Desk, name: str, value: str, seconds: int | None) -> None:
    answer.set_cookie(name, value, max_age=seconds, path="/", secure=is_https(desk), httponly=True, samesite="lax")


def _same_origin(request: Request) -> None:
    """Refuse a form that a browser says comes from somebody else's page."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = site not in (None, "same-origin") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    )
    if foreign:
        raise Refused(403, "Not from here", "This form was sent from another site.")


def _told(request: Request, refused: Refused) -> Response:
    if SCRIPTED in request.headers:
        return PlainTextResponse(refused.text or refused.title, refused.status, refused.headers)
    return html(page("refused.html", title=refused.title, text=refused.text), refused.status, refused.headers)


def _to_sign_in(request: Request) -> Response:
    if SCRIPTED in request.headers:
        return PlainTextResponse("You are signed out. Sign in again.", 401)
    return see_other("/sign-in")
