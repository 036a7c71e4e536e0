"""
What of the log is told to whom: an event and the rules of `notify` to jobs, one a channel.

A job holds its record whole, so that it can be delivered, or told of as a dead
letter, long after the log was read. Nothing here knows how a channel works.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from router.domain.lead_story.shape import Standing
from router.events.base import parse_instant, to_millis
from router.events.envelope import REPLAYED_FROM, dead_letter
from router.events.notification import NotificationRequested
from router.policy.shapes import NotifyRuleShape
from router.ports import Outgoing, Received

NOTIFICATIONS: Final = "rep-notifications"
DEAD_LETTERS: Final = "dead-letters"
TOPICS: Final = (NOTIFICATIONS, "lead-assignments", "sla-events", "lead-decisions", "rep-presence", DEAD_LETTERS)

MAIL: Final = "email"
"""The channel that `rep.email` and `manager.email` go through."""
MAIL_TO: Final = {"rep": "rep.email", "manager": "manager.email"}

_MINUTE: Final = 60_000
SOON: Final = 15 * _MINUTE
"""How long a notification of something that is overdue already is tried for."""
DAY: Final = 24 * 60 * _MINUTE
"""The same of one without a clock, and of an event for a program."""

MOOT_WHEN_MOVED: Final = frozenset({"assigned", "reminder", "repeat", "sla_warning", "sla_breach"})
"""Kinds that speak to a rep of an assignment they hold; the others tell of a loss, or tell a manager."""

_UNDELIVERED: Final = "undelivered-"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """
    One message for one channel.

    * **id** - the same for the same message and channel, whoever makes it and however often.
    * **message_id** - the `notification_id`, or the `ce_id` of an event.
    * **told** - it is a notification, to be told as one; else an event, to be passed on.
    * **to** - `rep.email` or `manager.email`, whose address is looked up when it is sent; else empty.
    * **since**, **until** - when it was noted, and when it is given up, in ms.
    """

    id: str
    channel: str
    message_id: str
    told: bool
    to: str
    since: int
    until: int
    topic: str
    partition: int
    offset: int
    key: str | None
    value: str
    headers: Mapping[str, str]

    def as_json(self) -> bytes:
        """Return it as it is kept."""
        return orjson.dumps(self)

    @classmethod
    def from_json(cls, text: bytes) -> Job:
        """Return what `as_json` kept."""
        return cls(**orjson.loads(text))

    def record(self) -> Received:
        """Return the record it was made of."""
        headers = {name: value.encode("latin-1") for name, value in self.headers.items()}
        key = None if self.key is None else self.key.encode()
        received_at = _EPOCH + timedelta(milliseconds=self.since)
        return Received(self.topic, self.partition, self.offset, key, self.value.encode(), headers, received_at)


def jobs(
    record: Received, note: NotificationRequested | None, rules: Sequence[NotifyRuleShape], channels: Collection[str]
) -> Iterator[Job]:
    """
    Yield what *record* means for *channels*, once each, however many rules match.

    What was sent again after one channel had not taken it is for that channel alone: the others had it.

    * **note** - its data, where it is a notification.
    """
    made: set[str] = set()
    only = _not_taken(record)
    for told, to, channel in _matching(record.topic, note, rules):
        if channel in channels and (job := _job(record, note, channel, to, told=told)).id not in made:
            made.add(job.id)
            if only in (None, job.id):
                yield job


def _not_taken(record: Received) -> str | None:
    """Return the id of the job that *record* was sent again for; None where it was not, or its own id is not known."""
    letter = (record.headers.get(REPLAYED_FROM) or b"").decode("utf-8", "replace")
    if not letter.startswith(_UNDELIVERED) or "ce_id" not in record.headers:
        return None
    return letter.removeprefix(_UNDELIVERED).partition("-")[0]


def _matching(
    topic: str, note: NotificationRequested | None, rules: Sequence[NotifyRuleShape]
) -> Iterator[tuple[bool, str, str]]:
    for rule in rules:
        told = note is not None and note.kind in rule.kinds
        if not told and topic not in rule.events:
            continue
        for name in rule.to:
            if name not in MAIL_TO.values():
                yield told, "", name
            elif told and note is not None and MAIL_TO[note.recipient.type] == name:
                yield told, name, MAIL


def _job(record: Received, note: NotificationRequested | None, channel: str, to: str, *, told: bool) -> Job:
    since = to_millis(record.received_at)
    begins = since if REPLAYED_FROM in record.headers else written_at(record)  # what is sent again gets time again
    name = message_id(record)
    words = f"{channel}\x00{to}\x00{record.topic}\x00{name}"
    return Job(
        id=hashlib.sha256(words.encode()).hexdigest()[:32],
        channel=channel,
        message_id=name,
        told=told,
        to=to,
        since=since,
        until=_ends(note, begins) if note is not None and told else since + DAY,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=None if record.key is None else record.key.decode("utf-8", "replace"),
        value=(record.value or b"").decode(),
        headers={key: (value or b"").decode("latin-1") for key, value in record.headers.items()},
    )


def message_id(record: Received) -> str:
    """Return what a receiver knows a repeat by."""
    given = record.headers.get("ce_id")
    return given.decode("utf-8", "replace") if given else f"{record.topic}-{record.partition}-{record.offset}"


def written_at(record: Received) -> int:
    """Return when the event was, in ms, by its own word; else when it was received."""
    try:
        return to_millis(parse_instant(record.headers.get("ce_time", b"").decode()))
    except ValueError:
        return to_millis(record.received_at)


def _ends(note: NotificationRequested, at: int) -> int:
    """Say until when it is worth telling: `touch_by`; where that was over from the start, a while from then on."""
    if note.touch_by is None:
        return at + DAY
    due = to_millis(note.touch_by)
    return due if at < due else at + SOON


def is_moot(note: NotificationRequested, standing: Standing | None, at: int, *, told: bool) -> bool:
    """
    Tell whether the assignment that *note* speaks of has moved on; of a lead that is not known, nothing has.

    What was written (*at*, in ms) before the person was erased goes to nobody any more. What is passed on and not
    *told* goes out otherwise: a program hears of what has moved on, too.
    """
    if standing is not None and standing.erased is not None and at <= to_millis(standing.erased):
        return True
    if standing is None or not told or note.recipient.type != "rep" or note.kind not in MOOT_WHEN_MOVED:
        return False
    if standing.attempt != note.attempt:
        return standing.attempt > note.attempt
    return standing.rep_id != note.recipient.id


def given_up(job: Job, why: str, now: datetime, workspace: str, topic_prefix: str) -> Outgoing | None:
    """
    Return the dead letter of a job, under the same id whoever writes it; None for a job about a dead letter.

    That a channel does not take dead letters must not make more of them.
    """
    if job.topic == DEAD_LETTERS:
        return None
    detail = f"channel {job.channel} never took {job.message_id}: {why}"
    letter = dead_letter(job.record(), "processing_failed", detail, now, workspace, topic_prefix + job.topic)
    name = _UNDELIVERED + job.id
    if REPLAYED_FROM in job.headers:  # given up once more: another letter
        name += f"-{job.partition}-{job.offset}"
    return dataclasses.replace(letter, headers={**letter.headers, "ce_id": name.encode()})
