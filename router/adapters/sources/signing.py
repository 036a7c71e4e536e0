"""What signatures have in common: compared in constant time, as they are written, within a window of time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from router.adapters.sources.delivery import SignatureRefused
from router.events.base import to_millis

WINDOW = timedelta(minutes=5)
"""How far the time that a platform signs may lie from ours, either way."""

_WHOLE = re.compile(r"[0-9]{1,14}")


def header(headers: Mapping[str, str], name: str) -> str:
    """Return a header that must be there."""
    value = headers.get(name.lower())
    if not value:
        raise SignatureRefused(f"there is no header {name}")
    return value


def mac(secret: str, signed: bytes, algorithm: str = "sha256") -> bytes:
    """Return the HMAC of *signed*."""
    return hmac.digest(secret.encode(), signed, algorithm)


def digest(signed: bytes) -> bytes:
    """Return SHA-256 of *signed*, for platforms that put the secret into what they hash."""
    return hashlib.sha256(signed).digest()


def base64_of(value: bytes) -> str:
    """Return base64 with padding."""
    return base64.b64encode(value).decode()


def match(given: str, expected: Iterable[str]) -> None:
    """
    Refuse a signature that is none of *expected*, taking the same time whichever is wrong and wherever.

    It is compared as written: another spelling of the same bytes is another signature.
    """
    presented = given.encode("utf-8", "surrogateescape")
    same = [hmac.compare_digest(presented, one.encode()) for one in expected]
    if not any(same):
        raise SignatureRefused("the signature is wrong")


def fresh(timestamp: str, now: datetime, *, millis: bool = False) -> None:
    """Refuse a time that is not whole, or further from *now* than the window."""
    if not _WHOLE.fullmatch(timestamp):
        raise SignatureRefused("the time of the signature is no number")
    at = int(timestamp) if millis else int(timestamp) * 1000
    if abs(to_millis(now) - at) > WINDOW // timedelta(milliseconds=1):
        raise SignatureRefused("the signature is more than 5 minutes away from the time here")
