"""
A job title as plain words: lower case, no accents, no dots, commas where one role ends and the next begins.

What the words say is in `router.domain.seniority` and `router.domain.departments`.
"""

from __future__ import annotations

import re
import unicodedata

_LIMIT = 200  # a title is a line; what is longer is no title
_DOTTED = re.compile(r"\b(?:\w\.){2,}(?:\w\b)?")
_POSSESSIVE = re.compile(r"['\u2019]s\b")
_BREAKS = re.compile(
    r"\s[-\u2010-\u2015]+\s|[,;:/|&+\u2022\u00b7()\[\]\u2013\u2014]|\s@\s|(?<=\s)(?:and|und|et|y|e|en)(?=\s)"
)
_SPACES = re.compile(r"[^\w,]+")
_COMMAS = re.compile(r"\s*,[\s,]*")


def plain_title(title: str) -> str:
    """
    Return a title as words that cues can be looked for in.

    >>> plain_title("V.P. of Sales & Co-Founder (Málaga)")
    'vp of sales,co founder,malaga'
    """
    text = unicodedata.normalize("NFKD", title[:_LIMIT].casefold())
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = _DOTTED.sub(lambda match: match.group().replace(".", ""), text)
    text = _BREAKS.sub(",", _POSSESSIVE.sub("", text).replace("r&d", "research"))
    return _COMMAS.sub(",", _SPACES.sub(" ", text)).strip(" ,")
