"""Who a person is, however address and number were typed."""

from __future__ import annotations

import re
import unicodedata

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from router.domain.identity import Identity, identify, normalise_email, normalise_phone, registrable_domain

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("  Ana.Lopez@Example.COM ", "ana.lopez@example.com"),
        ("a.b+c@example.com", "a.b+c@example.com"),
        ("A.na.Lopez+news@gmail.com", "analopez@gmail.com"),
        ("analopez@googlemail.com", "analopez@gmail.com"),
        ("+tag@gmail.com", "+tag@gmail.com"),
        ("ana.l+x+y@outlook.com", "ana.l@outlook.com"),
        ("ana+x@hotmail.co.uk", "ana@hotmail.co.uk"),
        ("ana+x@live.fr", "ana@live.fr"),
        ("ana+x@icloud.com", "ana@icloud.com"),
        ("ana+x@me.com", "ana@me.com"),
        ("ana+x@mac.com", "ana@mac.com"),
        ("ana+x@fastmail.fm", "ana@fastmail.fm"),
        ("ana+x@proton.me", "ana@proton.me"),
        ("ana.l+x@protonmail.com", "ana.l@protonmail.com"),
        ("ana+x@pm.me", "ana@pm.me"),
        ("+x@outlook.com", "+x@outlook.com"),
        ("ana+x@yahoo.com", "ana+x@yahoo.com"),
        ("ana+x@outlook.acme.com", "ana+x@outlook.acme.com"),
        ("ana+x@live.acme.com", "ana+x@live.acme.com"),
        ("ana@gmail.com.acme.com", "ana@gmail.com.acme.com"),
        ("Jörg@Müller.de", "jörg@xn--mller-kva.de"),
        ("jo\u0308rg@example.de", "jörg@example.de"),
        ("ana@xn--mller-kva.de", "ana@xn--mller-kva.de"),
        ("ana@пример.рф", "ana@xn--e1afmkfd.xn--p1ai"),
        ("ana@acme.test", "ana@acme.test"),
        ("ana@acme.example", "ana@acme.example"),
        ("o'neil_x@example.com", "o'neil_x@example.com"),
    ],
)
def test_one_form_of_an_address(typed: str, address: str) -> None:
    """An address has one form: trimmed, composed, lower case, IDNA, and without what its provider ignores."""
    assert normalise_email(typed) == address
    assert normalise_email(address) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ana",
        "ana@",
        "@example.com",
        "ana@localhost",
        "ana@example",
        "ana@exa mple.com",
        "a na@example.com",
        "ana@@example.com",
        "a@b@example.com",
        ".ana@example.com",
        "ana.@example.com",
        "a..b@example.com",
        "ana@-example.com",
        "ana@example..com",
        "ana@example.com.",
        "ana@192.168.0.1",
        "ana@[192.168.0.1]",
        '"ana l"@example.com',
        "Ana <ana@example.com>",
        "ana@ab--c.com",
        "ana@xn--zzzzzzzz-.com",
        f"{'a' * 250}@example.com",
        f"ana@{'a' * 64}.com",
        f"ana@{'a.' * 127}com",
        "ana\x00@example.com",
        "ana@exam\nple.com",
        "jörg.@example.com",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    """Text without the form of an address is none."""
    assert normalise_email(typed) is None


_LABEL = st.text("abz09-_.ß", max_size=6)
_NEARLY = st.builds("{}@{}.{}".format, st.text("abz09.+-_'!\" ö@", max_size=9), _LABEL, st.text("abcz0-", max_size=5))


@given(st.one_of(_NEARLY, st.emails(), st.builds("{}@{}".format, st.just("a" * 200), st.text("a.-b0", max_size=80))))
@example("a@b.c")
@example("a@" + "a" * 63 + ".com")
@example("a@1.1a")
@example("a@a--b.com")
@example("a@xn--b.com")
@example("a" * 248 + "@b.com")
@example("a" * 247 + "@b.com")
def test_agrees_with_the_library_on_form(text: str) -> None:
    """The short way for plain addresses takes and refuses exactly what email-validator does."""
    lowered = unicodedata.normalize("NFC", text.strip()).lower()
    try:
        found = validate_email(lowered, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        assert normalise_email(text) is None
    else:
        expected = "." in found.ascii_domain and found.ascii_domain[-1].isalpha()
        assert (normalise_email(text) is not None) == expected
        if expected and found.ascii_domain != "gmail.com":
            assert normalise_email(text) == f"{found.local_part}@{found.ascii_domain}"


@given(st.one_of(st.emails(), st.text(max_size=30), _NEARLY))
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised address is its own normal form."""
    once = normalise_email(text)
    assert once is None or normalise_email(once) == once


@pytest.mark.parametrize(
    ("typed", "country", "number"),
    [
        ("+1 (415) 555-2671", None, "+14155552671"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("(415) 555-2671", " us ", "+14155552671"),
        ("415.555.2671 ext. 12", "US", "+14155552671"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("020 7946 0018", "UK", "+442079460018"),
        ("0044 20 7946 0018", "DE", "+442079460018"),
        ("+44 20 7946 0018", "Atlantis", "+442079460018"),
        ("+44 20 7946 0018", "XX", "+442079460018"),
        ("020 7946 0018", None, None),
        ("020 7946 0018", "", None),
        ("020 7946 0018", "XX", None),
        ("020 7946 0018", "United Kingdom", None),
        ("12", "US", None),
        ("+1 415 555 2671 415 555 2671", None, None),
        ("call me", "US", None),
        ("", "US", None),
    ],
)
def test_one_form_of_a_number(typed: str, country: str | None, number: str | None) -> None:
    """A number has one form, E.164; a national one needs the country."""
    assert normalise_phone(typed, country) == number


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("acme.com", "acme.com"),
        ("WWW.Acme.com.", "acme.com"),
        ("mail.acme.co.uk", "acme.co.uk"),
        ("https://user:pw@shop.acme.com.au:8443/x?y=http://other.com#z", "acme.com.au"),
        (" //acme.com/about ", "acme.com"),
        ("acme.com/about", "acme.com"),
        ("www.müller.de", "xn--mller-kva.de"),
        ("xn--mller-kva.de", "xn--mller-kva.de"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("foo.github.io", "foo.github.io"),
        ("a.foo.github.io", "foo.github.io"),
        ("github.io", "github.io"),
        ("acme.uk.com", "acme.uk.com"),
        ("weebly.com", "weebly.com"),
        ("my_host.acme.com", "acme.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("co.uk", None),
        ("com", None),
        ("localhost", None),
        ("10.0.0.1", None),
        ("http://[::1]/x", None),
        ("http://[::1", None),
        ("not a host", None),
        ("-acme.com", None),
        ("a..b.com", None),
        ("\u2024.com", None),
        ("", None),
    ],
)
def test_the_domain_that_a_company_registered(text: str, domain: str | None) -> None:
    """Of a host or a web address the registrable part is the company's; an IP address is nobody's."""
    assert registrable_domain(text) == domain


def test_identity_of_an_address() -> None:
    """The address makes the id; the number stands beside it."""
    found = identify("Ana@Mail.Acme.co.uk", "(415) 555-2671", "US", KEY)
    assert isinstance(found, Identity)
    assert (found.email, found.phone) == ("ana@mail.acme.co.uk", "+14155552671")
    assert (found.email_host, found.email_domain) == ("mail.acme.co.uk", "acme.co.uk")
    assert re.fullmatch(r"ld_[0-9a-f]{32}", found.lead_id)
    assert identify("ana@mail.acme.co.uk", None, None, KEY) == Identity(
        found.lead_id, "ana@mail.acme.co.uk", None, "mail.acme.co.uk", "acme.co.uk"
    )


def test_identity_of_a_number() -> None:
    """Without an address of valid form the number makes the id."""
    found = identify("no address", "415 555 2671", "US", KEY)
    assert found == identify(None, "+14155552671", None, KEY)
    assert found is not None
    assert (found.email, found.phone, found.email_host, found.email_domain) == (None, "+14155552671", None, None)


def test_identity_of_nobody() -> None:
    """Neither an address nor a number: nobody."""
    assert identify(None, None, None, KEY) is None
    assert identify("ana@", "415 555 2671", None, KEY) is None


def test_ids_hang_on_the_key_and_on_nothing_else() -> None:
    """The same person has the same id under one key and another under the next; the form of an id never changes."""
    found = identify("ana@example.com", None, None, b"key")
    other = identify("ana@example.com", None, None, b"other")
    assert found is not None
    assert other is not None
    assert found.lead_id != other.lead_id
    assert found.lead_id == "ld_33671d22726ec4f437be419ae53b5c7a"  # openssl dgst -sha256 -hmac key


@pytest.mark.parametrize("part", ["a.", "e\u0301", '\\"', "\u00e9", "@"])
def test_what_is_too_long_for_an_address_is_not_looked_into(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's time grows with the text: a quarter of a megabyte would hold a worker up for a second."""

    def never(*_: object, **__: object) -> None:
        pytest.fail("the library was asked")

    monkeypatch.setattr("router.domain.identity.validate_email", never)

    assert normalise_email(part * 100_000 + "@acme.example") is None
    assert normalise_email(" " * 100_000 + "ana@acme.example") == "ana@acme.example"
