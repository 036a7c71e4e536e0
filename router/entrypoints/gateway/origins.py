"""Origins of web pages (RFC 6454), in the one form that they are kept and compared in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_DEFAULT = {"http": 80, "https": 443}


def read_origin(text: str) -> str | None:
    """
    Return the origin that *text* is, as browsers write it; None where it is more or less than one.

    >>> read_origin("https://Example.com:443")
    'https://example.com'
    >>> read_origin("https://example.com/page") is None
    True
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT or not parts.hostname or parts.username or parts.password is not None:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment or not text.isprintable() or "@" in text:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT[parts.scheme]) else f":{port}")


def origin_of(headers: Mapping[str, str]) -> str | None:
    """Return the origin of the page that sent a request: what the browser says, else of the page that it names."""
    if (said := headers.get("origin")) is not None:
        return read_origin(said)
    try:
        parts = urlsplit(headers.get("referer", ""))
    except ValueError:
        return None
    return read_origin(f"{parts.scheme}://{parts.netloc}")
