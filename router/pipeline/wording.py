"""
A notification or an event as people read it: title, plain text, and the HTML of a mail with buttons.

What a form said goes in as text and stays text. Who sends it is in `router.adapters.notify`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final

from router.events.notification import Links, NotificationRequested

BUTTONS: Final[Mapping[str, str]] = {
    "accept": "Accept",
    "touched": "I reached them",
    "decline": "Decline",
    "view": "Open the lead",
}
"""In the order in which they stand."""

_CALLS_EVERYBODY: Final = re.compile(r"@(?=everyone|here|channel|all\b)", re.IGNORECASE)
_LONGEST_TITLE: Final = 200

_PAGE: Final = """\
<div style="font-family:system-ui,sans-serif;font-size:16px;line-height:1.5;color:#1a1a1a;max-width:36em">
<h1 style="font-size:20px;margin:0 0 12px">{title}</h1>
<p style="margin:0 0 20px">{lines}</p>
<p style="margin:0">{buttons}</p>
</div>"""

_BUTTON: Final = """\
<a href="{url}" style="display:inline-block;margin:0 8px 8px 0;padding:10px 18px;border-radius:6px;\
text-decoration:none;background:{back};color:{front}">{label}</a>"""

_LOOK: Final = {"accept": ("#0b6b3a", "#ffffff"), "touched": ("#0b6b3a", "#ffffff")}
_PLAIN_LOOK: Final = ("#e8e8e8", "#1a1a1a")

Words = tuple[str, str, str]
"""Title, text, HTML."""


def notification(note: NotificationRequested, *, private: bool) -> Words:
    """
    Return *note* in words.

    * **private** - only its recipient reads it. Where others read along it has the link that shows the lead, and none
      that acts in the recipient's name.
    """
    links = _links(note.links, private=private)
    title = one_line(note.title)
    text = _CALLS_EVERYBODY.sub("@\u200b", note.text)
    below = "\n".join(f"{BUTTONS[name]}: {url}" for name, url in links.items())
    page = _PAGE.format(
        title=html.escape(title),
        lines="<br>\n".join(html.escape(line) for line in note.text.splitlines()),
        buttons="\n".join(_button(name, url) for name, url in links.items()),
    )
    return title, f"{text}\n\n{below}" if below else text, page


def event(ce_type: str, data: Mapping[str, Any]) -> Words:
    """
    Return an event in words, for a channel that people read.

    >>> event("sla.breached.v1", {"lead_id": "L1", "rep_id": None, "breakdown": {"queue": 1}})[:2]
    ('sla.breached.v1', 'lead_id: L1')
    """
    told = {name: value for name, value in data.items() if isinstance(value, str | int | float)}
    text = "\n".join(f"{name}: {one_line(str(value))}" for name, value in told.items())
    return ce_type, text, f"<pre>{html.escape(text)}</pre>"


def one_line(text: str) -> str:
    r"""
    Return *text* without line breaks, which a mail's subject must not have, and of a bearable length.

    >>> one_line("Ada\r\nBcc: all@example.com")
    'Ada Bcc: all@example.com'
    """
    return _CALLS_EVERYBODY.sub("@\u200b", " ".join(text.split()))[:_LONGEST_TITLE]


def _links(links: Links | None, *, private: bool) -> Mapping[str, str]:
    if links is None:
        return {}
    given = links.model_dump(exclude_none=True)
    return {name: given[name] for name in BUTTONS if name in given and (private or name == "view")}


def _button(name: str, url: str) -> str:
    back, front = _LOOK.get(name, _PLAIN_LOOK)
    return _BUTTON.format(url=html.escape(url), label=BUTTONS[name], back=back, front=front)
