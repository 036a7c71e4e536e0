"""
What a mail host tells: a free mailbox, a throw-away one, or a company's own.

The lists are text files in `router.domain.data`, with the criteria in their first
lines; throw-away hosts come from the `disposable-email-domains` package first of
all. Hosts are given in lower case and IDNA form, as `router.domain.identity` makes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.resources import files

from disposable_email_domains import blocklist


def _entries(name: str) -> Iterator[str]:
    for line in files("router.domain.data").joinpath(name).read_text(encoding="utf-8").splitlines():
        yield from line.partition("#")[0].split()


_FREE = frozenset(_entries("free_mail.txt"))
_DISPOSABLE = frozenset(blocklist) | frozenset(_entries("disposable.txt"))

LISTS_VERSION = hashlib.sha256("\n".join([*sorted(_FREE), "", *sorted(_DISPOSABLE)]).encode()).hexdigest()[:12]
"""Changes whenever one of the lists does: a decision hangs on them."""


def is_free(host: str) -> bool:
    """
    Return whether anybody can have a mailbox at *host*.

    >>> is_free("gmail.com"), is_free("nyc.rr.com"), is_free("starbucks.com")
    (True, True, False)
    """
    return host in _FREE or any(f"*.{parent}" in _FREE for parent in _parents(host))


def is_disposable(host: str) -> bool:
    """
    Return whether mailboxes at *host*, or at a host above it, are made to be thrown away.

    >>> is_disposable("mailinator.com"), is_disposable("any.mailinator.com"), is_disposable("gmail.com")
    (True, True, False)
    """
    return (host in _DISPOSABLE or any(parent in _DISPOSABLE for parent in _parents(host))) and not is_free(host)


def _parents(host: str) -> Iterator[str]:
    _, _, parent = host.partition(".")
    while parent:
        yield parent
        _, _, parent = parent.partition(".")
