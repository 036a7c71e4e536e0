"""
Signing in: a link by e-mail, which works once and for fifteen minutes.

A link that is only opened does nothing, as mail scanners open links: the button
on its page signs in. Whether an address is known cannot be told from outside.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sys
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import APIRouter, BackgroundTasks, Request, Response

from router.adapters.environment import SecretMissing, environment
from router.adapters.notify.addressed import addressed
from router.adapters.notify.channel import ChannelOff, Letter, NotTaken
from router.adapters.redis.visitors import LINK_FOR, Kind
from router.entrypoints.gateway.entry import address
from router.entrypoints.pages.desk import EMAIL, Desk, desk_of, is_private
from router.entrypoints.pages.people import Person, by_address, by_key, everybody
from router.entrypoints.pages.render import page
from router.entrypoints.pages.visit import (
    PageRoute,
    Refused,
    action_of,
    farewell,
    form_of,
    html,
    keep_stranger,
    see_other,
    stranger,
    visitor,
    welcome,
)
from router.errors import DependencyDown
from router.events.base import rfc3339

ONE_PERSON: Final = "6/h"
ONE_CLIENT: Final = "30/h"
LONGEST_ADDRESS: Final = 254

log = structlog.get_logger()
routes = APIRouter(route_class=PageRoute, include_in_schema=False)


@routes.get("/")
async def root(request: Request) -> Response:
    """Send everybody to where they begin."""
    visit = await visitor(request)
    return see_other(visit.person.home if visit else "/sign-in")


@routes.get("/sign-in")
async def ask(request: Request) -> Response:
    """Ask for an address; in a trial, offer to come in as anybody."""
    desk = desk_of(request)
    visit = await visitor(request)
    if visit is not None:
        return see_other(visit.person.home)
    trial = desk.tries_out(request)
    people = await _people(desk) if trial else ()
    carried = stranger(request)
    answer = html(page("sign_in.html", token=desk.token(carried), trial=trial, people=people))
    keep_stranger(request, answer, carried)
    return answer


@routes.post("/sign-in")
async def send(request: Request, later: BackgroundTasks) -> Response:
    """Send a link to an address that is known, and say the same for any other."""
    desk = desk_of(request)
    fields = await form_of(request, desk.token(stranger(request)))
    given = fields.get("email", "")[:LONGEST_ADDRESS].strip()
    await _hold(desk, ONE_CLIENT, "client", address(request))
    await _hold(desk, ONE_PERSON, "person", given.casefold())
    later.add_task(_send_link, desk, given)
    answer = html(page("sent.html", minutes=LINK_FOR // 60, printed=is_private(desk.door.settings) and not desk.mails))
    answer.background = later
    return answer


@routes.post("/sign-in/as/{kind}/{person}")
async def come_in(request: Request, kind: Kind, person: str) -> Response:
    """Come in as somebody, where this is a trial."""
    desk = desk_of(request)
    await form_of(request, desk.token(stranger(request)))
    known = by_key(desk.policy, kind, person)
    if not desk.tries_out(request) or known is None:
        raise Refused(404, "There is no such page")
    answer = see_other(known.home)
    await welcome(desk, known, answer)
    return answer


@routes.get("/sign-in/{text}")
async def open_link(request: Request, text: str) -> Response:
    """Show the button that signs in."""
    desk = desk_of(request)
    nonce = desk.signed(text)
    whose = await desk.visitors.whose_link(nonce) if nonce else None
    person = by_key(desk.policy, *whose) if whose else None
    if person is None:
        raise _over()
    carried = stranger(request)
    answer = html(page("come_in.html", token=desk.token(carried), link=quote(text), name=person.name))
    keep_stranger(request, answer, carried)
    return answer


@routes.post("/sign-in/{text}")
async def use_link(request: Request, text: str) -> Response:
    """Sign in, and use the link up."""
    desk = desk_of(request)
    await form_of(request, desk.token(stranger(request)))
    nonce = desk.signed(text)
    whose = await desk.visitors.use_link(nonce) if nonce else None
    person = by_key(desk.policy, *whose) if whose else None
    if person is None:
        raise _over()
    answer = see_other(person.home)
    await welcome(desk, person, answer)
    return answer


@routes.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session. A rep who signs out is gone."""
    desk = desk_of(request)
    visit, _ = await action_of(request)
    if visit.person.rep_id is not None:
        now = rfc3339(desk.door.clock.now())
        gone = {"rep_id": visit.person.rep_id, "status": "offline", "at": now, "ttl_seconds": 0, "source": "page"}
        await desk.door.send("rep-presence", [gone])
    answer = see_other("/sign-in")
    await farewell(request, visit, answer)
    return answer


async def _people(desk: Desk) -> list[tuple[Person, str]]:
    """Return who may be tried out, and of each what is worth knowing; who works now comes first."""
    known = everybody(desk.policy)
    now = await desk.board.now(person.rep_id for person in known if person.rep_id is not None)

    def state(person: Person) -> tuple[int, str]:
        if person.rep_id is None:
            return 0, "manager"
        rep = now.reps.get(person.rep_id)
        if rep is None or not rep.active:
            return 3, "rep, not active"
        return (1, "rep") if rep.in_hours else (2, "rep, outside working hours")

    return [(person, state(person)[1]) for person in sorted(known, key=lambda each: state(each)[0])]


async def _hold(desk: Desk, rate: str, what: str, who: str) -> None:
    hashed = hmac.new(desk.door.identity_key, who.encode(), hashlib.sha256).hexdigest()[:32]
    seconds = await desk.door.rates.wait_for(rate, "sign-in", what, hashed)
    if seconds is not None:
        minutes = max(1, round(seconds / 60))
        told = f"There were many tries. Wait {minutes} minute{'' if minutes == 1 else 's'}, then try again."
        raise Refused(429, "Please wait", told, headers={"Retry-After": str(seconds)})


async def _send_link(desk: Desk, given: str) -> None:
    """Send the link, if the address is anybody's. Nobody waits for this, so that nobody can measure it."""
    person = by_address(desk.policy, given)
    if person is None:
        log.info("sign_in.unknown_address")
        return
    if desk.base is None:
        log.warning("sign_in.no_address", advice="set ROUTER_PUBLIC_URL")
        return
    kind, key = person.key
    nonce = secrets.token_urlsafe(24)
    try:
        await desk.visitors.make_link(nonce, kind, key)
        await _deliver(desk, person, f"{desk.base}/sign-in/{desk.sign(nonce)}", nonce)
    except DependencyDown:
        log.warning("sign_in.failed", why="Redis does not answer", **{f"{kind}_id": key})
    except (SecretMissing, ChannelOff, NotTaken) as failure:
        log.warning("sign_in.failed", why=str(failure), **{f"{kind}_id": key})


async def _deliver(desk: Desk, person: Person, link: str, nonce: str) -> None:
    kind, key = person.key
    channel = desk.door.directory.notify.channels.get(EMAIL)
    if channel is None:
        if is_private(desk.door.settings):
            sys.stdout.write(f"Sign-in link of {kind} {key}: {link}\n")
            sys.stdout.flush()
        else:
            log.warning("sign_in.no_channel", advice=f"configure a notify channel named {EMAIL}")
        return
    way = addressed(environment().secret(channel.url_env or ""), by_mail=True)
    minutes = LINK_FOR // 60
    letter = Letter(
        id=f"sign-in-{hashlib.sha256(nonce.encode()).hexdigest()[:32]}",
        ce_type="",
        time=rfc3339(desk.door.clock.now()),
        data=b"{}",
        title="Your sign-in link",
        text=f"Sign in within {minutes} minutes: {link}\nIf you did not ask for this, do nothing.",
        html=page("mail.html", link=link, name=person.name, minutes=minutes),
        address=person.email,
    )
    await way.send(letter)


def _over() -> Refused:
    return Refused(
        410, "This link no longer works", "It has been used, or is older than 15 minutes. Ask for a new one."
    )
