"""
Links in notifications: opened they show the lead and one button, and only the button acts.

Mail scanners and previews open every link with GET and HEAD, so neither changes
anything. What a link is good for follows from how the ledger has the lead now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from fastapi import APIRouter, Request, Response

from router.domain.board.now import OpenLead
from router.entrypoints.pages.acting import act, until_shown
from router.entrypoints.pages.desk import Desk, desk_of
from router.entrypoints.pages.leads import DECLINES
from router.entrypoints.pages.render import page
from router.entrypoints.pages.visit import PageRoute, Refused, form_of, html, see_other
from router.events.base import to_millis
from router.pipeline.links import Claim

Offer = Literal["accept", "decline", "touched", "nothing"]

routes = APIRouter(route_class=PageRoute, include_in_schema=False)

_VERBS: Final = {"accept": "accept", "decline": "decline", "touched": "touch"}


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a link may still do.

    * **title** - what is the case, as a headline; **text** - what that means.
    * **lead** - shown only to whom it belongs.
    """

    offer: Offer
    title: str
    text: str
    lead: OpenLead | None = None


@routes.api_route("/a/{token}", methods=["GET", "HEAD"])
async def show(request: Request, token: str) -> Response:
    """Show the lead in short, and one button."""
    desk = desk_of(request)
    claim = _claim(desk, token)
    lead = await desk.board.lead(claim.lead_id)
    answer = settle(claim, lead, manager=_is_manager(desk, claim))
    at = to_millis(desk.door.clock.now())
    return html(
        page(
            "answer.html",
            answer=answer,
            lead=answer.lead,
            at=at,
            here=f"/a/{token}",
            token=desk.token(token),
            next=_next(desk, claim, answer),
            declines=DECLINES,
            manager=_is_manager(desk, claim),
        )
    )


@routes.post("/a/{token}")
async def press(request: Request, token: str) -> Response:
    """Do what the button says, if it is still to be done; then show what has become of it."""
    desk = desk_of(request)
    claim = _claim(desk, token)
    fields = await form_of(request, desk.token(token))
    lead = await desk.board.lead(claim.lead_id)
    answer = settle(claim, lead, manager=_is_manager(desk, claim))
    if answer.offer != "nothing" and lead is not None:
        verb = _VERBS[answer.offer]
        await act(
            desk,
            claim.rep_id,
            lead,
            claim.attempt,
            verb,  # type: ignore[arg-type]  # one of the words of `_VERBS`
            channel=fields.get("channel", "call") if verb == "touch" else None,
            reason=fields.get("reason", ""),
        )
        await until_shown(desk, claim.lead_id, lambda now: now is None or now.revision != lead.revision)
    return see_other(f"/a/{token}")


def settle(claim: Claim, lead: OpenLead | None, *, manager: bool = False) -> Answer:
    """Return what *claim* may still do about a lead that is open as *lead*, or not open any more."""
    if lead is None:
        return Answer("nothing", "Nothing left to do", "This lead has been reached or closed.")
    if manager:
        return Answer("nothing", "How it stands", "Sign in to see its whole story.", lead)
    mine = lead.rep_id == claim.rep_id and lead.attempt == claim.attempt
    if claim.action == "touched":
        return _touched(lead, mine=mine)
    return _held(claim, lead) if mine else _gone(claim, lead)


def _held(claim: Claim, lead: OpenLead) -> Answer:
    if claim.action == "view":
        return Answer("nothing", "Your lead", "Call now: every minute counts.", lead)
    if lead.state == "accepted":
        return Answer("nothing", "The lead is yours", "You have accepted it. Call now: every minute counts.", lead)
    if claim.action == "decline":
        return Answer("decline", "Pass this lead on?", "It goes to the next rep at once.", lead)
    return Answer("accept", "A lead for you", "Accept it, then call: every minute counts.", lead)


def _gone(claim: Claim, lead: OpenLead) -> Answer:
    if claim.action == "accept" and lead.state == "waiting":
        text = "It went back to the queue and nobody has it. Take it, and it is yours."
        return Answer("accept", "This lead waits for somebody", text)
    return Answer("nothing", "This lead has moved on", "It was not answered in time, or you passed it on.")


def _touched(lead: OpenLead, *, mine: bool) -> Answer:
    if mine:
        return Answer("touched", "Did you reach them?", "The clock stops with the first real contact.", lead)
    text = "It is with somebody else by now. If you reached them all the same, say so: the clock stops."
    return Answer("touched", "This lead has moved on", text)


def _claim(desk: Desk, token: str) -> Claim:
    claim = desk.door.signer.read(token, to_millis(desk.door.clock.now()))
    if claim is None:
        raise Refused(
            410, "This link no longer works", "It is too old, or was not copied in full. Sign in to see your leads."
        )
    return claim


def _is_manager(desk: Desk, claim: Claim) -> bool:
    return claim.rep_id in desk.policy.managers and claim.action == "view"


def _next(desk: Desk, claim: Claim, answer: Answer) -> str | None:
    """Return the link that tells of the first contact, for who has accepted and is about to call."""
    if answer.offer != "nothing" or answer.lead is None or answer.lead.rep_id != claim.rep_id:
        return None
    links = desk.door.signer.links(claim.lead_id, claim.attempt, claim.rep_id, claim.expires_at)
    return None if links is None else f"/a/{links['touched'].rpartition('/')[2]}"
