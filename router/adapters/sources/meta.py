"""
Meta lead ads: `X-Hub-Signature-256` is `sha256=` and hex of the HMAC-SHA-256 of the raw body, with the app secret.

The message names leads by `leadgen_id` only; each is read from the Graph API with a page's token. No time is
signed. Facts from https://developers.facebook.com/docs/graph-api/webhooks/getting-started and
https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import httpx
import stamina

from router.adapters.sources import signing
from router.adapters.sources.delivery import Answer, Delivery, Key, Message, Platform
from router.adapters.sources.payload import items, loads, mapping, text
from router.errors import DependencyDown

GRAPH = "https://graph.facebook.com/v23.0"
READ_WITHIN = 6.0
"""Seconds for one lead, tries included: Meta waits for an answer, and sends the message again where there is none."""

_MOST_BYTES = 256 * 1024
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TRIES = 3
_AT_ONCE = 8


def verify(delivery: Delivery, key: Key) -> None:
    """Refuse what Meta did not sign."""
    given = signing.header(delivery.headers, "X-Hub-Signature-256")
    signing.match(given, [f"sha256={signing.mac(key.secret, delivery.body).hex()}"])


def read(delivery: Delivery) -> Sequence[Message]:
    """Return a message without answers for each lead that is told of; `Graph.lead` fills it."""
    payload = mapping(loads(delivery.body))
    if payload.get("object") != "page":
        return []
    leads: dict[str, Message] = {}
    for entry in items(payload.get("entry")):
        for change in items(entry.get("changes")):
            value = mapping(change.get("value"))
            identity = text(value.get("leadgen_id"))
            if change.get("field") == "leadgen" and _ID.fullmatch(identity):
                leads[identity] = Message(identity, value, submitted_at=value.get("created_time"))
    return list(leads.values())


def challenge(query: Mapping[str, str], token: str) -> str | None:
    """Return what Meta wants to hear when the address is entered; None where the token is not the one agreed."""
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given, token.encode()):
        return None
    return query.get("hub.challenge", "")


class LeadUnreadable(DependencyDown):
    """The Graph API gave no lead; the message names the reason and no personal data."""


class _Again(Exception):
    """A try that failed in a way that may pass."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The Graph API at *api*, with the token of a page."""

    api: str
    token: str
    within: float = READ_WITHIN

    async def leads(self, messages: Sequence[Message]) -> tuple[Sequence[Message], list[str]]:
        """Return those that could be read, filled, and for each other one the reason."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(message: Message) -> Message | str:
            async with gate:
                try:
                    return await self.lead(message)
                except LeadUnreadable as error:
                    return str(error)

        read = await asyncio.gather(*(one(message) for message in messages))
        return [it for it in read if isinstance(it, Message)], [it for it in read if isinstance(it, str)]

    async def lead(self, message: Message) -> Message:
        """Return *message* with the lead's answers; raises `LeadUnreadable` where they cannot be had now."""
        try:
            async with asyncio.timeout(self.within), httpx.AsyncClient(timeout=self.within) as client:
                answer = await self._get(client, message.event_id)
        except TimeoutError:
            raise LeadUnreadable(f"the Graph API did not answer within {self.within:g} s") from None
        except _Again as error:
            raise LeadUnreadable(str(error)) from None
        if answer.status_code != httpx.codes.OK:
            raise LeadUnreadable(_refusal(answer))
        lead = mapping(loads(answer.content)) if len(answer.content) <= _MOST_BYTES else {}
        if "field_data" not in lead:
            raise LeadUnreadable("the Graph API answered without field_data")
        answers = {text(one.get("name")): Answer(_value(one.get("values"))) for one in items(lead["field_data"])}
        at = lead.get("created_time") or message.submitted_at
        return replace(message, payload={**message.payload, **lead}, answers=answers, submitted_at=at)

    async def _get(self, client: httpx.AsyncClient, leadgen_id: str) -> httpx.Response:
        address = f"{self.api.rstrip('/')}/{leadgen_id}"
        async for attempt in stamina.retry_context(
            on=_Again, attempts=_TRIES, timeout=None, wait_initial=0.2, wait_max=1.0, wait_jitter=0.2
        ):
            with attempt:
                try:
                    answer = await client.get(address, params={"access_token": self.token})
                except httpx.HTTPError as error:
                    raise _Again(f"the Graph API could not be reached ({type(error).__name__})") from None
                if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                    raise _Again(f"the Graph API answered {answer.status_code}")
                return answer
        raise AssertionError  # the last try returns or raises


def _value(values: object) -> object:
    """Return the one value of a question, or all of several."""
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _refusal(answer: httpx.Response) -> str:
    """Say what the Graph API said, by its codes: its text may name people."""
    code = mapping(mapping(loads(answer.content)).get("error")).get("code")
    told = f"the Graph API answered {answer.status_code}"
    return f"{told}, error code {code}" if isinstance(code, int) else told


PLATFORM = Platform(verify, read)
