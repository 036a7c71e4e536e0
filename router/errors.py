"""
The errors that the router raises on purpose.

    RouterError
    +-- BadInput         what the user gave cannot be used              exit 1
    |   +-- PolicyInvalid    the configuration does not check           exit 1
    +-- DependencyDown   a server did not answer; may succeed later     exit 3
    +-- Stands           a part of this process goes on no more         exit 70
    +-- InvalidEvent     an event can never be processed                one dead letter

What leaves by another way is a bug.
"""

from __future__ import annotations

from router.events.rejection import RejectCode


class RouterError(Exception):
    """Base of every error that the router raises on purpose."""


class BadInput(RouterError):
    """What the user gave cannot be used; the message says what to do instead."""


class DependencyDown(RouterError):
    """Kafka, Redis or an enricher did not answer; the same call may succeed later."""


class Stands(RouterError):
    """A part of this process stands still and will not go on by itself; a new process will."""


class InvalidEvent(RouterError):
    """
    The event can never be processed; a retry changes nothing.

    It becomes one dead letter with this *code* and the partition goes on. A
    dependency that is down is not this: that waits, uncommitted, and resumes.
    """

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail  # goes on the wire: no personal data
