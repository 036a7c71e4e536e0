"""
Dead letters, read back: which of them are meant, and the record that each was made of.

A letter holds its record whole: value, headers and key. Sent again, the record
is the same but for one header that names the letter; what identifies it is
inside, so whatever had its effect already has it once.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from router.events import TOPICS
from router.events.envelope import REPLAYED_FROM, SOURCE_KEY, decode, source
from router.events.rejection import EventRejected
from router.ports import Outgoing, Received

TOPIC: Final = "dead-letters"

PLACE: Final = re.compile(r"[A-Za-z0-9._-]{1,249}/[0-9]{1,10}/[0-9]{1,19}")
"""A record's topic, partition and offset, as the subject of its dead letter has them."""


@dataclass(frozen=True, slots=True)
class Letter:
    """
    One dead letter.

    * **id** - its `ce_id`, the same each time the record is rejected at that place.
    * **key** - that of the record it is about.
    """

    id: str
    event: EventRejected
    key: bytes | None

    @property
    def place(self) -> str:
        """Where the record stands."""
        event = self.event
        return f"{event.source_topic}/{event.source_partition}/{event.source_offset}"

    @property
    def value(self) -> bytes | None:
        """The record's value; None where it had none, or was too large to be kept."""
        kept = self.event.value_base64
        return None if kept is None else base64.b64decode(kept)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant: those that all of it holds for; what is empty holds for all."""

    places: Sequence[str] = field(default=())
    code: str | None = None
    topic: str | None = None
    since: datetime | None = None

    def includes(self, letter: Letter, topic_prefix: str) -> bool:
        """Tell whether *letter* is meant; a topic may be named with its prefix or without."""
        event = letter.event
        return (
            (not self.places or letter.place in self.places)
            and self.code in (None, event.code)
            and self.topic in (None, event.source_topic, event.source_topic.removeprefix(topic_prefix))
            and (self.since is None or event.rejected_at >= self.since)
        )


def letter_of(record: Received, workspace: str) -> Letter | None:
    """Return the letter in a record of `dead-letters`; None for one of another workspace. Raises `InvalidEvent`."""
    if record.headers.get("ce_source") != source(workspace).encode():
        return None
    incoming = decode(record)
    assert isinstance(incoming.data, EventRejected)  # noqa: S101 - the one type of the topic
    return Letter(incoming.ce_id or "", incoming.data, record.headers.get(SOURCE_KEY))


def original(letter: Letter, topic_prefix: str) -> Outgoing | str:
    """Return the record to send again, or why there is none."""
    full = letter.event.source_topic
    topic = full.removeprefix(topic_prefix)
    if not full.startswith(topic_prefix) or topic not in TOPICS or topic == TOPIC:
        return f"{full} is no topic of this router: see ROUTER_TOPIC_PREFIX"
    value = letter.value
    if value is None:
        return "its value was not kept: it had none, or more than 1 MiB"
    headers = {name: text.encode() for name, text in letter.event.headers.items() if name != REPLAYED_FROM}
    return Outgoing(topic, letter.key, value, {**headers, REPLAYED_FROM: letter.id.encode()})
