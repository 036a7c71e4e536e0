"""
What each platform sends, signed as the platform signs: written from its documentation, apart from the adapters.

A test that signed with the adapter's own code would agree with any mistake in it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from router.adapters.sources.delivery import Delivery, Key

NOW = datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC)
URL = "https://router.example/v1/webhooks/theirs"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - that of the open standard's own tests
BOUNDARY = "------------------------f1c0ffee"

Sign = Callable[[bytes, str, datetime, str], Mapping[str, str]]
"""Body, secret, time and address to the headers that prove them."""


def hexed(secret: str, signed: bytes, algorithm: str = "sha256") -> str:
    """Return an HMAC as hexadecimal digits."""
    return hmac.new(secret.encode(), signed, algorithm).hexdigest()


def b64(secret: str, signed: bytes) -> str:
    """Return an HMAC-SHA-256 as base64."""
    return base64.b64encode(hmac.new(secret.encode(), signed, "sha256").digest()).decode()


def seconds(at: datetime) -> str:
    """Return whole seconds since 1970."""
    return str(int(at.timestamp()))


def millis(at: datetime) -> str:
    """Return whole milliseconds since 1970."""
    return str(int(at.timestamp() * 1000))


def by_calendly(body: bytes, secret: str, at: datetime, _: str = "") -> Mapping[str, str]:
    """Return the headers that prove it."""
    signed = hexed(secret, seconds(at).encode() + b"." + body)
    return {"calendly-webhook-signature": f"t={seconds(at)},v1={signed}"}


def by_hubspot_v2(body: bytes, secret: str, _: datetime, url: str) -> Mapping[str, str]:
    """Return the headers that prove it."""
    signed = hashlib.sha256(f"{secret}POST{url}".encode() + body).hexdigest()
    return {"x-hubspot-signature": signed, "x-hubspot-signature-version": "v2"}


def by_hubspot_v3(body: bytes, secret: str, at: datetime, url: str) -> Mapping[str, str]:
    """Return the headers that prove it."""
    signed = b64(secret, f"POST{url}".encode() + body + millis(at).encode())
    return {"x-hubspot-signature-v3": signed, "x-hubspot-request-timestamp": millis(at)}


def by_standard(body: bytes, secret: str, at: datetime, _: str = "") -> Mapping[str, str]:
    """Return the headers that prove it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"msg_1.{seconds(at)}.".encode() + body, "sha256").digest()
    signature = f"v1,{base64.b64encode(signed).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": seconds(at), "webhook-signature": signature}


def by_webflow(body: bytes, secret: str, at: datetime, _: str = "") -> Mapping[str, str]:
    """Return the headers that prove it."""
    signed = hexed(secret, millis(at).encode() + b":" + body)
    return {"x-webflow-timestamp": millis(at), "x-webflow-signature": signed}


def by_timed_generic(body: bytes, secret: str, at: datetime, _: str = "") -> Mapping[str, str]:
    """Return the headers that prove it."""
    return {"x-sent-at": seconds(at), "x-signature": f"sha256={hexed(secret, seconds(at).encode() + b'.' + body)}"}


@dataclass(frozen=True, slots=True)
class Sender:
    """
    One platform, and one submission of Ana's that it sends.

    * **event_id** - the platform's own id of that submission.
    * **signature** - the headers that prove it; **signed_time** those that name a time.
    * **bound** - False where the body is not part of what is proven (Jotform).
    """

    kind: str
    sign: Sign
    body: bytes
    event_id: str
    signature: tuple[str, ...]
    signed_time: tuple[str, ...] = ()
    content_type: str = "application/json"
    url: str = URL
    timestamp_header: str | None = None
    bound: bool = True

    def key(self, secret: str = SECRET) -> Key:
        """Return what the router knows of it."""
        return Key(secret, None, self.timestamp_header, None)

    def delivery(
        self, body: bytes | None = None, *, secret: str = SECRET, signed_at: datetime = NOW, now: datetime = NOW
    ) -> Delivery:
        """Return a request of this platform, signed."""
        body = self.body if body is None else body
        headers = {"content-type": self.content_type, **self.sign(body, secret, signed_at, self.url)}
        return Delivery("POST", self.url.replace("SECRET", secret), headers, body, now)


def encoded(payload: object) -> bytes:
    """Return JSON as a platform might write it, blanks and all."""
    return json.dumps(payload, ensure_ascii=False).encode()


def multipart(parts: Mapping[str, str]) -> bytes:
    """Return a form of several parts, as Jotform sends it."""
    written = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    return f"{written}--{BOUNDARY}--\r\n".encode()
