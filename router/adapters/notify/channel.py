"""What a channel is to the notifier: it takes a letter, or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from router.errors import RouterError


class ChannelOff(RouterError):
    """A channel cannot be used as it is configured; says what to set, and never a secret."""


class NotTaken(RouterError):
    """
    The channel did not take a letter. The words go into logs and dead letters: no address, no secret.

    * **final** - it never will, however often it is asked.
    * **after** - seconds that it asked to be left alone for.
    """

    def __init__(self, why: str, *, final: bool = False, after: float | None = None) -> None:
        super().__init__(why)
        self.final = final
        self.after = after


@dataclass(frozen=True, slots=True)
class Letter:
    """
    One message, ready to leave.

    * **id** - the idempotency key: the same for every try.
    * **ce_type**, **time**, **data** - the event it comes from; data is JSON.
    * **title**, **text**, **html** - the same in words, for people; the html is safe as it is.
    * **address** - an e-mail address in place of the channel's own recipient.
    """

    id: str
    ce_type: str
    time: str
    data: bytes
    title: str
    text: str
    html: str
    address: str | None = None


class Channel(Protocol):
    """
    One way out.

    * **at_once** - how many letters may be on their way at the same time.
    """

    at_once: int

    async def send(self, letter: Letter) -> None:
        """Return when it was taken; raises `NotTaken`. Cancelled, it may be taken all the same."""

    async def aclose(self) -> None:
        """Close the connections."""
