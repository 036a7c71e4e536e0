"""What a rep does at a page, as an event of the log; whether it counts is settled by the ledger."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final, Literal, get_args

from router.domain.board.now import OpenLead
from router.entrypoints.pages.desk import Desk
from router.entrypoints.pages.visit import Refused
from router.events.action import Action, Channel, RepAction
from router.events.presence import PresenceStatus, RepPresence

SHOWN_WITHIN: Final = 2.0
"""Seconds that an answer waits for what it brought about, so that the next page shows it."""

LOOKS_EVERY: Final = 0.05
LONGEST_REASON: Final = 300
STAYS: Final = 90
"""Seconds for which a rep counts as there after each sign of life."""

LEAVES: Final = 5
"""Seconds after which a rep is gone whose last page was closed: one that is only loaded again is back before."""

Asked = Literal["accept", "decline", "touch"]


async def act(
    desk: Desk,
    rep_id: str,
    lead: OpenLead,
    attempt: int,
    action: Action,
    *,
    channel: str | None = None,
    reason: str = "",
) -> None:
    """
    Put one action onto the log. Done twice about *lead* as it stands it counts once, as on a double click.

    Once the lead is opened again, waits, or is with somebody else, the same button of the same *attempt* is another
    action: to accept, pass on, and take it after all are three.
    """
    if channel is not None and channel not in get_args(Channel):
        raise Refused(422, "Which way?", "Choose how you reached them.")
    stands = (lead.submission_id, str(lead.attempt), lead.rep_id or "")
    name = "\x00".join((lead.lead_id, *stands, str(attempt), rep_id, action))
    event = RepAction.model_validate(
        {
            "action_id": f"page_{hashlib.sha256(name.encode()).hexdigest()[:32]}",
            "lead_id": lead.lead_id,
            "rep_id": rep_id,
            "action": action,
            "at": desk.door.clock.now(),
            "attempt": attempt,
            "channel": channel,
            "reason": reason[:LONGEST_REASON] or None,
        }
    )
    await desk.door.send("rep-actions", [event.model_dump(mode="json", exclude_none=True)])


async def say(desk: Desk, rep_id: str, status: PresenceStatus, *, ttl: int = STAYS, heartbeat: bool = False) -> None:
    """Put the rep's status onto the log; a heartbeat renews it for *ttl* seconds and changes none."""
    event = RepPresence(
        rep_id=rep_id,
        status=status,
        at=desk.door.clock.now(),
        ttl_seconds=ttl,
        heartbeat=heartbeat,
        source="page",
    )
    await desk.door.send("rep-presence", [event.model_dump(mode="json")])


async def until_shown(desk: Desk, lead_id: str, so: Callable[[OpenLead | None], bool]) -> OpenLead | None:
    """Return the lead as soon as it is *so*, or as it is after `SHOWN_WITHIN`; None where it is not open."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SHOWN_WITHIN
    while True:
        lead = await desk.board.lead(lead_id)
        if so(lead) or loop.time() > until:
            return lead
        await asyncio.sleep(LOOKS_EVERY)
