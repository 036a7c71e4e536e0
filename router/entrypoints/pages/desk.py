"""All that the pages share in one process, and how a request finds it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final

import itsdangerous
from fastapi import FastAPI, Request

from router.adapters.redis.board import RedisBoard
from router.adapters.redis.visitors import Visitors
from router.domain.board.day import zone_of
from router.domain.policy import Policy
from router.entrypoints.gateway.door import Door
from router.entrypoints.pages.live import Live
from router.pipeline.ending import end
from router.settings import Settings, signing_secret

EMAIL: Final = "email"
"""The channel that sign-in links leave by."""

_PURPOSE: Final = b"router.pages.v1"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


class Desk:
    """
    What stands behind the pages.

    * **trial** - whether this is somebody trying the router out on their own machine: only then anybody may come in as
      anybody, and send sample leads.
    """

    def __init__(self, door: Door) -> None:
        self.door = door
        self.visitors = Visitors(door.redis, door.workspace)
        self.board = RedisBoard(door.redis, door.workspace)
        self.live = Live(door, lambda: zone_of(self.policy))
        self._key = hmac.digest(signing_secret(door.settings), _PURPOSE, hashlib.sha256)
        self._cookies = itsdangerous.Signer(
            self._key, salt=b"cookie", key_derivation="hmac", digest_method=hashlib.sha256
        )

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.door.in_force.policy

    @property
    def mails(self) -> bool:
        """Whether sign-in links can be sent."""
        return EMAIL in self.door.directory.notify.channels

    @property
    def trial(self) -> bool:
        """Whether nobody but this machine can be meant."""
        settings = self.door.settings
        return is_private(settings) and settings.kafka is None and not self.mails

    def tries_out(self, request: Request) -> bool:
        """Return whether *request* may do what only a trial may: it comes from this machine, by no other name."""
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        client = request.client.host if request.client else ""
        passed_on = any(name in request.headers for name in _FORWARDED)
        return self.trial and not passed_on and is_loopback(host.strip("[]")) and is_loopback(client)

    @property
    def base(self) -> str | None:
        """The address that links to these pages begin with; None where nobody can know it."""
        settings = self.door.settings
        if settings.public_url is not None:
            return str(settings.public_url).rstrip("/")
        return f"http://{settings.listen}" if is_private(settings) else None

    def sign(self, value: str) -> str:
        """Return *value* as a cookie or a link may carry it."""
        return self._cookies.sign(value).decode()

    def signed(self, text: str) -> str | None:
        """Return the value that *text* carries; None where it was not signed here."""
        try:
            return self._cookies.unsign(text).decode()
        except (itsdangerous.BadSignature, UnicodeError):
            return None

    def token(self, of: str) -> str:
        """Return the token that shows that a form comes from a page of ours, given to whoever carries *of*."""
        return hmac.new(self._key, f"form\x00{of}".encode(), hashlib.sha256).hexdigest()


def is_loopback(host: str) -> bool:
    """
    Return whether *host* names this machine alone.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "leads.example.com")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(settings: Settings) -> bool:
    """Return whether the gateway is there for this machine alone."""
    return settings.public_url is None and is_loopback(settings.listen_address[0])


def desk_of(request: Request) -> Desk:
    """Return the desk of the app that serves *request*."""
    return _desk(request.app)


def _desk(app: FastAPI) -> Desk:
    desk: Desk | None = getattr(app.state, "desk", None)
    if desk is None:
        desk = Desk(app.state.door)
        app.state.desk = desk
    return desk


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """Follow the log for the pages as long as the app runs."""
    desk = _desk(app)
    work = asyncio.create_task(desk.live.run())
    try:
        yield
    finally:
        await end([work])
