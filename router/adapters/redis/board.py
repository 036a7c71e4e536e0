"""Reads what the pages show of the ledger: open leads, who has them, and the reps. Reads only, in few round trips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis

from router.adapters.redis.connection import asking
from router.adapters.redis.visitors import at_once
from router.domain.board.now import Contact, Now, OpenLead, RepNow, by_urgency

MOST = 300
"""How many open leads the board lists and looks through for those that are overdue."""


class RedisBoard:
    """The present of one workspace. All instants are the ledger's own, in ms since 1970."""

    def __init__(self, client: Redis, workspace: str) -> None:
        self._client = client
        self._prefix = f"{{{workspace}}}:"

    async def leads_of(self, rep_id: str) -> tuple[int, tuple[OpenLead, ...], RepNow | None]:
        """Return the ledger's time, what the rep has, most urgent first, and the rep. Raises `DependencyDown`."""
        with asking():
            time, ids, rep = await at_once(
                self._client,
                ("TIME",),
                ("ZRANGE", f"{self._prefix}theirs:{rep_id}", 0, MOST - 1),
                ("HGETALL", f"{self._prefix}rep:{rep_id}"),
            )
            leads = await self._leads([one.decode() for one in ids])
        mine = (lead for lead in leads if lead.rep_id == rep_id)
        return _millis(time), by_urgency(mine), _rep(rep_id, rep) if rep else None

    async def lead(self, lead_id: str) -> OpenLead | None:
        """Return one lead; None where it is not open. Raises `DependencyDown`."""
        with asking():
            return next(iter(await self._leads([lead_id])), None)

    async def now(self, reps: Iterable[str]) -> Now:
        """Return the whole workspace, and of the reps those asked for. Raises `DependencyDown`."""
        names = list(reps)
        with asking():
            time, waiting, open_, ids, *rows = await at_once(
                self._client,
                ("TIME",),
                ("ZCARD", f"{self._prefix}waiting"),
                ("ZCARD", f"{self._prefix}open"),
                ("ZRANGE", f"{self._prefix}open", 0, MOST - 1),
                *(("HGETALL", f"{self._prefix}rep:{name}") for name in names),
            )
            leads = by_urgency(await self._leads([one.decode() for one in ids]))
        at = _millis(time)
        return Now(
            at=at,
            waiting=waiting,
            held=max(0, open_ - waiting),
            overdue=sum(lead.is_overdue(at) for lead in leads),
            leads=leads,
            listed=open_ <= MOST,
            reps={name: _rep(name, row) for name, row in zip(names, rows, strict=True) if row},
        )

    async def _leads(self, ids: Sequence[str]) -> list[OpenLead]:
        if not ids:
            return []
        leads, cards = await at_once(
            self._client,
            ("MGET", *(f"{self._prefix}lead:{one}" for one in ids)),
            ("MGET", *(f"{self._prefix}card:{one}" for one in ids)),
        )
        known = ((orjson.loads(lead), card) for lead, card in zip(leads, cards, strict=True) if lead is not None)
        return [_lead(lead, card) for lead, card in known if lead["state"] in ("waiting", "held", "accepted")]


def _millis(time: tuple[int, int]) -> int:
    return time[0] * 1000 + time[1] // 1000


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _lead(lead: Mapping[str, Any], card: bytes | None) -> OpenLead:
    held = lead.get("rep") is not None
    clock = lead.get("clock") or {}
    return OpenLead(
        lead_id=lead["id"],
        submission_id=lead["sub"],
        state=lead["state"],
        attempt=int(lead["attempt"]),
        rep_id=lead.get("rep"),
        submitted_at=int(lead["submitted"]),
        assigned_at=int(lead["assigned_at"]) if held else None,
        touch_by=_whole(clock.get("due_at")),
        accept_by=_whole(lead.get("accept_by")),
        overdue=bool(lead.get("overdue")),
        parked=bool(lead.get("parked")),
        priority=int(lead["priority"]),
        stage=lead["stage"],
        route=lead.get("route"),
        contact=_contact(orjson.loads(card or b"{}")),
    )


def _contact(card: Mapping[str, Any]) -> Contact:
    said = {name: card.get(name) for name in ("name", "company", "job_title", "email", "phone", "form", "message")}
    return Contact(**said, reasons=tuple(card.get("reasons") or ()))


def _rep(rep_id: str, row: Mapping[bytes, bytes]) -> RepNow:
    def number(name: bytes) -> int:
        return int(row.get(name) or 0)

    return RepNow(
        rep_id=rep_id,
        status=(row.get(b"status") or b"offline").decode(),
        until=number(b"until"),
        load=number(b"load"),
        capacity=number(b"capacity"),
        active=row.get(b"active") == b"1",
        in_hours=row.get(b"in_hours") == b"1",
    )
