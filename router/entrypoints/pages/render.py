"""Templates to HTML. What people wrote is escaped; instants and spans are said so that a person reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from router.domain.board.day import Tally
from router.entrypoints.explain_words import span

HERE = Path(__file__).parent
STATIC: Mapping[str, str] = {
    "pages.css": "text/css; charset=utf-8",
    "pages.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
NONE = "\u2013"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CHANNELS: Mapping[str, str] = {
    "call": "by phone",
    "email": "by e-mail",
    "meeting": "in a meeting",
    "chat": "by chat",
    "sms": "by text message",
    "other": "otherwise",
}
STAGES: Mapping[str, str] = {
    "sql": "Ready to buy",
    "iql": "Good fit, clear request",
    "mql": "Worth a call",
    "lead": "Lead",
    "rejected": "Rejected",
}


def page(template: str, **values: object) -> str:
    """Return a page, or the part of one."""
    return _environment().get_template(template).render(**values)


@cache
def static(name: str) -> bytes:
    """Return a file of `STATIC`."""
    return (HERE / "static" / name).read_bytes()


@cache
def version(name: str) -> str:
    """Return a text that changes with the file."""
    return hashlib.sha256(static(name)).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        span=_span,
        clock=_clock,
        iso=_iso,
        percent=_percent,
        word=_word,
        dialled=_dialled,
        stage=_stage,
        channel=_channel,
    )
    environment.globals.update(static=lambda name: f"/static/{name}?v={version(name)}", channels=CHANNELS)
    return environment


def _span(seconds: float | timedelta | None) -> str:
    if seconds is None:
        return NONE
    return span(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)


def _instant(moment: datetime | int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment) if isinstance(moment, int) else moment.astimezone(UTC)


def _iso(moment: datetime | int) -> str:
    return _instant(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock(moment: datetime | int) -> str:
    return _instant(moment).strftime("%H:%M:%S UTC")


def _percent(tally: Tally) -> str:
    return NONE if tally.share is None else f"{tally.share:.0%}"


def _word(text: str) -> str:
    """
    Write a key of the configuration as words.

    >>> _word("demo-request")
    'Demo request'
    """
    words = text.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _dialled(phone: str) -> str:
    """
    Return what a `tel:` link takes of a number.

    >>> _dialled("+1 (555) 010-99")
    '+155501099'
    """
    return "".join(sign for sign in phone if sign in "+0123456789*#,;")


def _stage(stage: str) -> str:
    return STAGES.get(stage, stage)


def _channel(channel: str) -> str:
    return CHANNELS.get(channel, channel)


Values = dict[str, Any]
