"""Who may come in: bearer keys with their scopes and rates, and how often one address may call."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from router.adapters.redis.keys import Key, Scope
from router.entrypoints.gateway.door import Door, door_of
from router.entrypoints.gateway.problems import Problem
from router.errors import DependencyDown

ANSWERS_WITHIN: Final = 2.0
"""Seconds that Redis may take to know a key or to count a call."""

LOOKS_EVERY: Final = 0.5
"""Seconds between two looks at the key of a long call: one may be trusted for a second, and stops within two."""

T = TypeVar("T")

bearer = HTTPBearer(auto_error=False, scheme_name="key", description="From `router keys create NAME --scope …`.")


def allow(scope: Scope) -> Callable[..., Awaitable[Key]]:
    """Return the dependency that lets keys of *scope*, and `admin` keys, in."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)] = None
    ) -> Key:
        if given is None:
            raise _unknown("Send a key: Authorization: Bearer KEY. `router keys create` makes one.")
        door = door_of(request)
        key = await known(door, given.credentials)
        if key.scope not in (scope, "admin"):
            told = f"This call takes a key of scope {scope} or admin; this one's is {key.scope}."
            raise Problem(403, "Not with this key", told)
        await hold_to_rate(door, key)
        return key

    return check


Ingest = Annotated[Key, Depends(allow("ingest"))]
Agent = Annotated[Key, Depends(allow("agent"))]
Sent = Annotated[HTTPAuthorizationCredentials, Security(bearer)]
"""What the key was sent as; beside one of the above, which refuse a call without."""


async def known(door: Door, text: str) -> Key:
    """Return the key that *text* is; raises `Problem` 401 where it is none."""
    key = await soon(door.keys.find(text))
    if key is None:
        raise _unknown("This key is not known here, or was revoked.")
    return key


async def until_revoked(door: Door, text: str) -> None:
    """Return when the key that *text* is has been revoked; while Redis does not answer, it has not."""
    good = True
    while good:
        await asyncio.sleep(LOOKS_EVERY)
        with suppress(DependencyDown):
            good = await soon(door.keys.find(text)) is not None


async def hold_to_rate(door: Door, key: Key) -> None:
    """Count a call of *key*; raises `Problem` 429 where it makes too many."""
    if key.rate is not None:
        _refuse_after(await soon(door.rates.wait_for(key.rate, "key", key.id)), f"This key may call {key.rate}.")


async def hold_address(door: Door, request: Request, rate: str, what: str) -> None:
    """Count a call of *what* from the client's address; raises `Problem` 429 where it makes too many."""
    who = hmac.new(door.identity_key, address(request).encode(), hashlib.sha256).hexdigest()[:32]
    _refuse_after(await soon(door.rates.wait_for(rate, "address", what, who)), f"One address may call {rate}.")


def address(request: Request) -> str:
    """Return the client's address; of IPv6 the network, which is what one household or office has."""
    host = request.client.host if request.client else ""
    try:
        known = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or ip_network((known, 64), strict=False).network_address)


async def soon(answer: Awaitable[T]) -> T:
    """Await what Redis is asked; raises `DependencyDown` where that takes too long."""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await answer
    except TimeoutError:
        raise DependencyDown("Redis does not answer") from None


def _unknown(detail: str) -> Problem:
    return Problem(401, "Who are you?", detail, headers={"WWW-Authenticate": "Bearer"})


def _refuse_after(seconds: int | None, detail: str) -> None:
    if seconds is not None:
        told = f"{detail} Come again in {seconds} s."
        raise Problem(429, "Too many calls", told, headers={"Retry-After": str(seconds)})
