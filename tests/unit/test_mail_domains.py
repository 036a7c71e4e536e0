"""Free mail, throw-away mail and companies' own mail."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

import pytest

from router.domain.identity import registrable_domain
from router.domain.mail_domains import LISTS_VERSION, is_disposable, is_free

FIRMOGRAPHICS = Path(__file__).parents[3] / "shared" / "data" / "firmographics"


@pytest.mark.parametrize(
    "host",
    [
        *("gmail.com", "outlook.com", "yahoo.co.jp", "icloud.com", "proton.me", "gmx.net", "web.de", "t-online.de"),
        *("comcast.net", "qq.com", "163.com", "naver.com", "mail.ru", "orange.fr", "libero.it", "uol.com.br", "wp.pl"),
        *("btinternet.com", "bigpond.com", "rediffmail.com", "seznam.cz", "bluewin.ch", "telenet.be", "ziggo.nl"),
        *("nyc.rr.com", "tampabay.rr.com", "privaterelay.appleid.com", "21cn.com"),
    ],
)
def test_free_mail(host: str) -> None:
    """Webmail, household providers and relays of all countries are free mail, and none is throw-away."""
    assert is_free(host)
    assert not is_disposable(host)


@pytest.mark.parametrize(
    "host",
    [
        *("mailinator.com", "any.mailinator.com", "guerrillamail.com", "yopmail.com", "10minutemail.com"),
        *("temp-mail.org", "tempmail.com", "trashmail.com", "maildrop.cc", "sharklasers.com", "wegwerfmail.de"),
    ],
)
def test_throw_away_mail(host: str) -> None:
    """Throw-away services are known, with all hosts below them."""
    assert is_disposable(host)
    assert not is_free(host)


@pytest.mark.parametrize(
    "host",
    [
        *("starbucks.com", "telstra.com.au", "telstra.com", "comcast.com", "telekom.de", "apple.com", "google.com"),
        *("microsoft.com", "mail.acme.com", "gmail.acme.com", "rr.com.acme.com", "example.com", "stanford.edu", ""),
    ],
)
def test_companies(host: str) -> None:
    """A company's own host is neither, whatever its name resembles."""
    assert not is_free(host)
    assert not is_disposable(host)


def test_lists_hold_what_identity_makes() -> None:
    """Every entry is a host in the form that hosts are looked up by, and stands in its list once."""
    for name in ("free_mail.txt", "disposable.txt"):
        text = files("router.domain.data").joinpath(name).read_text(encoding="utf-8")
        entries = [entry for line in text.splitlines() if not line.startswith("#") for entry in line.split()]
        assert len(entries) == len(set(entries))
        for entry in entries:
            assert registrable_domain(entry.removeprefix("*.")) is not None, entry


def test_lists_version() -> None:
    """The version is a short hash that a decision can record."""
    assert re.fullmatch(r"[0-9a-f]{12}", LISTS_VERSION)


@pytest.mark.skipif(not FIRMOGRAPHICS.is_dir(), reason="the shared firmographics are not here")
def test_no_known_company_is_free_or_throw_away() -> None:
    """Of 13,000 real companies' domains only three, which their owners give to customers, count as free mail."""
    domains = set[str]()
    for path in FIRMOGRAPHICS.glob("*.csv"):
        with path.open(encoding="utf-8", errors="replace", newline="") as rows:
            for row in csv.DictReader(rows):
                domain = registrable_domain(row.get("domain") or row.get("Website") or "")
                domains |= {domain} if domain else set()
    assert len(domains) > 12_000
    assert {domain for domain in domains if is_free(domain)} == {"frontier.com", "telenet.be", "yandex.com"}
    assert not {domain for domain in domains if is_disposable(domain)}
