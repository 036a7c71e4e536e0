"""
Who a person is: one id for one address or number, however it was typed.

A lead's id is a keyed hash of the normalised email address, else of the phone
number; it tells nobody the address. Which hosts are free mail or throw-away is in
`router.domain.mail_domains`. Nothing here asks a name server.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email
from publicsuffixlist import PublicSuffixList

from router.domain.mail_domains import is_free

_GMAIL = frozenset({"gmail.com", "googlemail.com"})
_TAG_PROVIDERS = frozenset({"outlook", "hotmail", "live", "icloud", "fastmail", "proton", "protonmail"})
_TAG_HOSTS = frozenset({"me.com", "mac.com", "pm.me"})  # iCloud's older hosts, Proton's short one

_PLAIN_LOCAL = re.compile(r"[a-z0-9_!#$%&'*+\-/=?^`{|}~]+(?:\.[a-z0-9_!#$%&'*+\-/=?^`{|}~]+)*")
_ADDRESS_LIMIT = 254  # RFC 5321, with the angle brackets taken off
_LONGEST_TEXT = 1_024  # of an address as it was typed, accents apart: the library takes half a second for 200 KB
_PLAIN_HOST = re.compile(
    r"""
    (?!.{254})                                                     # a host has at most 253 characters,
    (?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+            # a label 63, and xn-- is for the library to read
    (?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?<=[a-z])         # the last one ends with a letter
    """,
    re.VERBOSE,
)
_HOST = re.compile(r"(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z](?:[a-z0-9-]*[a-z0-9])?")
_COUNTRY = re.compile(r"[A-Z]{2}")

_COMPANIES = PublicSuffixList()
_REGISTRIES = PublicSuffixList(only_icann=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """
    A person as the router knows them.

    * **email**, **phone** - normalised; at least one of them.
    * **email_host** - all that stands after the @, in IDNA form.
    * **email_domain** - the registrable domain of that host; None where there is none.
    """

    lead_id: str
    email: str | None
    phone: str | None
    email_host: str | None
    email_domain: str | None


def identify(email: str | None, phone: str | None, country: str | None, key: bytes) -> Identity | None:
    """
    Return who gave this address or number; None where neither can be one person's.

    The address counts before the number. *country* (ISO 3166 alpha-2) is how a national number is read.

    >>> one = identify("Ana.Lopez+demo@GoogleMail.com", None, None, b"key")
    >>> two = identify("analopez@gmail.com", "+1 415 555 2671", None, b"key")
    >>> one.email, one.lead_id == two.lead_id, two.phone
    ('analopez@gmail.com', True, '+14155552671')
    """
    address = normalise_email(email) if email else None
    number = normalise_phone(phone, country) if phone else None
    if address is not None:
        host = address.rpartition("@")[2]
        return Identity(_lead_id(key, "email", address), address, number, host, registrable_domain(host))
    if number is not None:
        return Identity(_lead_id(key, "phone", number), None, number, None, None)
    return None


def normalise_email(text: str) -> str | None:
    """
    Return the one form of an address: NFC, trimmed, lower case, IDNA; None for what is no address.

    Gmail ignores dots and what follows a plus sign, some other providers the latter
    only; everywhere else both may name another mailbox, and are kept.

    >>> normalise_email(" Ana+news@Outlook.com "), normalise_email("a.b+c@Example.COM"), normalise_email("ana@")
    ('ana@outlook.com', 'a.b+c@example.com', None)
    """
    text = text.strip()
    if len(text) > _LONGEST_TEXT:
        return None
    local, _, given = _lower(unicodedata.normalize("NFC", text).strip()).rpartition("@")
    host = _mail_host(given)
    if host is None or not _is_local_part(local, host):
        return None
    if host in _GMAIL:
        host = "gmail.com"
        local = local.partition("+")[0].replace(".", "") or local
    elif host in _TAG_HOSTS or (host.partition(".")[0] in _TAG_PROVIDERS and is_free(host)):
        local = local.partition("+")[0] or local
    return f"{local}@{host}"


def normalise_phone(text: str, country: str | None) -> str | None:
    """
    Return a number in E.164; None for what is no number, and for a national one without a country.

    Whether its length is possible is checked, not whether the range has been handed
    out: that list ages, and a lead is worth more than a wrong refusal.

    >>> normalise_phone("(415) 555-2671", "US"), normalise_phone("(415) 555-2671", None)
    ('+14155552671', None)
    """
    region = (country or "").strip().upper()
    region = "GB" if region == "UK" else region
    try:
        number = phonenumbers.parse(text, region if _COUNTRY.fullmatch(region) else None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=16_384)
def registrable_domain(host_or_url: str) -> str | None:
    """
    Return the domain that a company registered, of a host or a web address; None where there is none.

    Under a suffix that a business lends out (github.io, uk.com) each name is somebody
    else's, as under a country's: foo.github.io is not GitHub. The suffix itself is its owner's.

    >>> registrable_domain("https://www.acme.co.uk/about"), registrable_domain("foo.github.io")
    ('acme.co.uk', 'foo.github.io')
    >>> registrable_domain("github.io"), registrable_domain("co.uk"), registrable_domain("10.0.0.1")
    ('github.io', None, None)
    """
    host = host_or_url if _PLAIN_HOST.fullmatch(host_or_url) else _host_of(host_or_url)
    if host is None:
        return None
    found: str | None = _COMPANIES.privatesuffix(host) or _REGISTRIES.privatesuffix(host)
    return found


def _lead_id(key: bytes, kind: str, value: str) -> str:
    return f"ld_{hmac.digest(key, f'{kind}:{value}'.encode(), 'sha256').hex()[:32]}"


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.lower())


def _mail_host(given: str) -> str | None:
    """Return the host of an address in IDNA form; None where no mail could go to it."""
    return given if _PLAIN_HOST.fullmatch(given) else _unusual_mail_host(given)


@lru_cache(maxsize=4096)
def _unusual_mail_host(given: str) -> str | None:
    try:
        host = validate_email(f"a@{given}", check_deliverability=False, globally_deliverable=False).ascii_domain
    except EmailNotValidError:
        return None
    return host if "." in host and host[-1].isalpha() else None


def _is_local_part(local: str, host: str) -> bool:
    """Return whether *local* may stand before the @; the library is slow, and asked only where it is not plain."""
    if len(local) + len(host) < _ADDRESS_LIMIT and _PLAIN_LOCAL.fullmatch(local):
        return True
    try:
        validate_email(f"{local}@{host}", check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return False
    return True


def _host_of(text: str) -> str | None:
    """Return the host that a web address names, in IDNA form; None for an IP address and for what names none."""
    try:
        host = (urlsplit(text if "//" in text else f"//{text.strip()}").hostname or "").rstrip(".")
        if not host.isascii():
            host = idna.encode(host, uts46=True).decode("ascii")
    except ValueError:  # what idna raises is one too
        return None
    return host if _HOST.fullmatch(host) else None
