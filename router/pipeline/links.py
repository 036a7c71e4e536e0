"""
Links that act for a person: signed, with an end, and the same for the same facts.

A link says which lead, which assignment of it (`attempt`), for whom, what may be
done and until when. It is no session and is used up by nothing: who opens it sees
the lead and a button, and only the button acts. What a link may do after its
assignment has moved on is settled by the ledger, which knows the attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import itsdangerous
from itsdangerous.encoding import base64_decode, base64_encode

from router.domain.ledger.facts import Fact

Action = Literal["accept", "decline", "touched", "view"]

HOUR: Final = 3_600_000
AFTER_DUE: Final = 72 * HOUR
"""A late call is still told of with the link at hand: a breach on a Friday evening on Monday morning."""
WITHOUT_CLOCK: Final = 7 * 24 * HOUR

ACTING: Final = frozenset({"assigned", "reminder", "repeat", "sla_warning", "sla_breach"})
"""Kinds of notifications that speak of an assignment which their recipient, where a rep, holds."""

_PURPOSE: Final = b"router.links.v1"
_TAG_BYTES: Final = 16
_LETTERS: Final[Mapping[Action, bytes]] = {"accept": b"a", "decline": b"d", "touched": b"t", "view": b"v"}
_ACTIONS: Final = {letter: action for action, letter in _LETTERS.items()}
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_LONGEST_TOKEN: Final = 2048


@dataclass(frozen=True, slots=True)
class Claim:
    """
    What a link says, its signature found good and its end not reached.

    * **rep_id** - for whom it was made: a rep, or with `view` a manager too.
    * **action** - `view` shows and never acts.
    * **expires_at** - in ms since 1970.
    """

    lead_id: str
    attempt: int
    rep_id: str
    action: Action
    expires_at: int


class _Tag(itsdangerous.signer.SigningAlgorithm):
    """Keyed BLAKE2b of 128 bits (RFC 7693): short, as an address must be, and made in half the time of an HMAC."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the tag."""
        return hashlib.blake2b(value, key=key, digest_size=_TAG_BYTES).digest()


class Signer:
    """
    Makes and reads links; all instants are in ms since 1970.

    * **secret** - `ROUTER_SECRET`; the key is derived from it for this purpose only.
    * **public_url** - where the pages are from outside; without it there are no links, but those there are can be read.
    """

    def __init__(self, secret: bytes, public_url: str | None) -> None:
        key = itsdangerous.Signer(
            secret, salt=_PURPOSE, key_derivation="hmac", digest_method=hashlib.sha256
        ).derive_key()
        self._signer = itsdangerous.Signer(key, key_derivation="none", algorithm=_Tag())
        self._base = None if public_url is None else public_url.rstrip("/").encode() + b"/a/"

    def links(self, lead_id: str, attempt: int, rep_id: str, expires_at: int) -> Mapping[str, str] | None:
        """
        Return the links of one assignment by name; None without a public address.

        The same arguments give the same links, so that a notification published again is the same event.

        >>> signer = Signer(b"s" * 32, "https://leads.example.com")
        >>> links = signer.links("L1", 1, "ana", 1772460600000)
        >>> sorted(links)
        ['accept', 'decline', 'touched', 'view']
        >>> signer.read(links["accept"].removeprefix("https://leads.example.com/a/"), now=1772460000000).action
        'accept'
        """
        return self._made(_LETTERS, lead_id, attempt, rep_id, expires_at)

    def view(self, lead_id: str, attempt: int, who: str, expires_at: int) -> Mapping[str, str] | None:
        """Return the one link of somebody who only looks, a manager, by name; None without a public address."""
        return self._made(("view",), lead_id, attempt, who, expires_at)

    def of(self, fact: Fact) -> Mapping[str, str] | None:
        """
        Return the links that belong into the notification of a `notify` fact; None where its recipient cannot act.

        Their end follows from the fact alone: the same fact gives the same links.
        """
        due = fact.get("touch_by")
        until = fact["at"] + WITHOUT_CLOCK if due is None else max(due, fact["at"]) + AFTER_DUE
        if fact["role"] == "manager":
            return self.view(fact["lead"], fact["attempt"], fact["to"], until)
        return self.links(fact["lead"], fact["attempt"], fact["to"], until) if fact["kind"] in ACTING else None

    def read(self, token: str, now: int) -> Claim | None:
        """Return what *token*, the last part of a link, says; None where it was not made here, or is over at *now*."""
        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            said = self._signer.unsign(token)
            if self._signer.sign(said) != token.encode():  # base64 has idle bits: a link is written in one way only
                return None
            body, letter = said.split(b".")
            lead_id, attempt, rep_id, until = base64_decode(body).decode().split("\x00")
        except (itsdangerous.BadData, ValueError):
            return None
        if letter not in _ACTIONS or not _NUMBER.fullmatch(attempt) or not _NUMBER.fullmatch(until):
            return None
        claim = Claim(lead_id, int(attempt), rep_id, _ACTIONS[letter], int(until) * 1000)
        return claim if now < claim.expires_at else None

    def _made(
        self, actions: Mapping[Action, bytes] | tuple[Action, ...], lead_id: str, attempt: int, who: str, until: int
    ) -> Mapping[str, str] | None:
        if self._base is None:
            return None
        # No id holds a NUL (router.events.base). What comes before it is the same for all actions.
        body = base64_encode(f"{lead_id}\x00{attempt}\x00{who}\x00{until // 1000}") + b"."
        return {action: (self._base + self._signer.sign(body + _LETTERS[action])).decode() for action in actions}
