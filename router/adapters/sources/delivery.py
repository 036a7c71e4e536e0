"""What comes from a form platform and what becomes of it: the words that all its adapters share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from router.errors import RouterError

JSON = Mapping[str, object]


class SignatureRefused(RouterError):
    """The request does not prove that the platform sent it, or it is too old; the message says which, and no more."""


class KeyUnusable(RouterError):
    """The secret is not of the form that the platform gives; nobody outside can mend that."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a platform, as it came. Names of headers are lower case; `url` is what the platform called."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Key:
    """What proves a delivery: the secret, and for a generic source where its signature stands and how it is made."""

    secret: str
    header: str | None = None
    timestamp_header: str | None = None
    algorithm: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to one question: `value` is text, a number or a truth; a choice has given its label."""

    value: object
    label: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """
    One submission in a delivery.

    * **event_id** - the platform's own; the same one again is no second submission.
    * **payload** - what paths of a `map` lead into, beside `answers`.
    * **answers** - by the platform's name of the question.
    * **contact** - what the platform itself says of the person, by field of `form.submitted.v1`.
    * **surely** - False: only where an address is found in it is it a submission at all.
    """

    event_id: str
    payload: JSON
    answers: Mapping[str, Answer] = field(default_factory=dict)
    contact: JSON = field(default_factory=dict)
    submitted_at: object | None = None
    surely: bool = True


@dataclass(frozen=True, slots=True)
class Platform:
    """
    How one platform signs and what it sends.

    * **verify** - raises `SignatureRefused`; looks at the raw body alone.
    * **read** - the submissions in a delivery that is proven; none where it speaks of something else.
    """

    verify: Callable[[Delivery, Key], None]
    read: Callable[[Delivery], Sequence[Message]]
