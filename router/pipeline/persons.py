"""
Whose record it is: the leads that a record of any topic speaks of.

For the few who must know without trusting the record: it may be the very one
that no model can read. So nothing is refused here; what cannot be read names nobody.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import orjson

from router.domain.identity import identify
from router.ports import Received

_DEEPEST: Final = 2
"""A dead letter holds a record, and that may be a structured event."""


def leads_in(record: Received, identity_key: bytes) -> frozenset[str]:
    """
    Return the ids of the leads that *record* names, by `lead_id` or by an address or number.

    >>> from datetime import UTC, datetime
    >>> form = Received("form-submissions", 0, 1, None, b'{"email": "ana@acme.example"}', {}, datetime.now(UTC))
    >>> leads_in(form, b"key") == frozenset({identify("ana@acme.example", None, None, b"key").lead_id})
    True
    """
    return frozenset(_leads(record.value, identity_key, _DEEPEST))


def _leads(value: object, key: bytes, deeper: int) -> Iterator[str]:
    data = _data(value)
    lead = data.get("lead_id")
    if isinstance(lead, str):
        yield lead
    email, phone, country = (_text(data.get(name)) for name in ("email", "phone", "country"))
    who = identify(email, phone, country, key) if email or phone else None
    if who is not None:
        yield who.lead_id
    if deeper:
        for inner in ("data", "data_base64", "value_base64"):
            if inner in data:
                yield from _leads(data[inner], key, deeper - 1)


def _data(value: object) -> Mapping[str, Any]:
    """Return the object in *value*, which may be JSON, or JSON in base64; empty where there is none."""
    if isinstance(value, str):
        value = _from_base64(value)
    if isinstance(value, bytes):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class Person:
    """
    Somebody to be looked for.

    * **leads** - the ids that they are known by.
    * **words** - their address and number as they write them, for records that nobody can read.
    """

    leads: frozenset[str]
    words: frozenset[str]

    def is_in(self, record: Received, identity_key: bytes) -> bool:
        """
        Tell whether *record* is about them: by id, by address or number; one that names nobody, by their very words.

        Somebody else's record is not theirs, whoever is spoken of in it.
        """
        named = leads_in(record, identity_key)
        if named:
            return not self.leads.isdisjoint(named)
        return any(self._words.search(text) for text in _texts(record.value, _DEEPEST))

    @cached_property
    def _words(self) -> re.Pattern[bytes]:
        """Finds each word where it is not a part of a longer address or number."""
        words = b"|".join(re.escape(word.encode()) for word in sorted(self.words))
        return re.compile(rb"(?<![\w.%+-])(?:" + words + rb")(?![\w-]|\.\w)", re.IGNORECASE)


def _texts(value: object, deeper: int) -> Iterator[bytes]:
    """Yield *value* as it stands, with what stands in it in base64, and what JSON would write otherwise."""
    if isinstance(value, str):
        value = _from_base64(value)
    if not isinstance(value, bytes):
        return
    yield value
    data = _data(value)
    if data and b"\\u" in value:
        yield orjson.dumps(data)
    if deeper:
        for inner in ("data_base64", "value_base64"):
            if inner in data:
                yield from _texts(data[inner], deeper - 1)
