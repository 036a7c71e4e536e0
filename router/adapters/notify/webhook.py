"""Outgoing webhooks, signed by the open standard (standardwebhooks.com)."""

from __future__ import annotations

import binascii
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import orjson
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from router.adapters.notify.channel import ChannelOff, Letter, NotTaken

AT_ONCE = 8
TIMEOUT = httpx.Timeout(15.0, connect=5.0)  # seconds, each part; the whole is bounded by who sends
SHORTEST_SECRET, LONGEST_SECRET = 24, 64  # bytes, by the standard
LONGEST_ANSWER = 65_536  # bytes that are read, and thrown away
LONGEST_PAUSE = 3600.0  # seconds that a receiver may ask for

_LATER = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class WebhookChannel:
    """Posts each letter to one address; without a secret unsigned."""

    at_once = AT_ONCE

    def __init__(self, url: str, secret: str | None) -> None:
        self._url = url
        self._signer = None if secret is None else _signer(secret)
        self._client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)

    async def send(self, letter: Letter) -> None:
        """Return when the receiver answered with a 2xx; a redirect is none. Raises `NotTaken`."""
        data = orjson.Fragment(letter.data)
        body = orjson.dumps({"type": letter.ce_type, "timestamp": letter.time, "data": data})
        now = int(time.time())
        headers = {"webhook-id": letter.id, "webhook-timestamp": str(now), "content-type": "application/json"}
        if self._signer is not None:
            moment = datetime.fromtimestamp(now, UTC)
            headers["webhook-signature"] = self._signer.sign(letter.id, moment, body.decode())
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
                status, after = answer.status_code, answer.headers.get("retry-after")
                await _read(answer)
        except httpx.TimeoutException:
            raise NotTaken("it did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(f"it cannot be reached ({type(error).__name__})") from None
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            why = f"it answered {status}"
            raise NotTaken(why, final=status == HTTPStatus.GONE, after=_pause(after) if status in _LATER else None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


async def _read(answer: httpx.Response) -> None:
    """Read what came with the status, so that the connection can be used again; of a long text only a part."""
    size = 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > LONGEST_ANSWER:
            return


def _signer(secret: str) -> Webhook:
    try:
        encoded = secret.removeprefix("whsec_")
        key = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
        if SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
            return Webhook(key)
    except (ValueError, EmptyWebhookSecretError):  # binascii.Error is a ValueError
        pass
    raise ChannelOff("its secret must be `whsec_` and 24 to 64 bytes in base64")


def _pause(header: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else None  # noqa: PLR0124 - a NaN is no number
