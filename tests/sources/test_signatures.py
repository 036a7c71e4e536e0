"""Whoever changes a byte of what a platform signed is refused, whatever the byte, on every platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.adapters.sources import PLATFORMS
from router.adapters.sources.delivery import Delivery, Key, KeyUnusable, SignatureRefused
from router.adapters.sources.signing import WINDOW
from tests.sources.cast import SENDERS
from tests.sources.senders import NOW, SECRET, Sender

EXAMPLES = settings(max_examples=60, deadline=None)
BOUND = {name: sender for name, sender in SENDERS.items() if sender.bound}
SIGNED = {name: sender for name, sender in SENDERS.items() if sender.signature}
TIMED = {name: sender for name, sender in SENDERS.items() if sender.signed_time}
EACH = st.sampled_from(sorted(SENDERS))


def accepted(sender: Sender, delivery: Delivery, secret: str = SECRET) -> bool:
    """Return whether the adapter takes *delivery* as its platform's."""
    try:
        PLATFORMS[sender.kind].verify(delivery, sender.key(secret))
    except SignatureRefused:
        return False
    return True


@st.composite
def changed(draw: st.DrawFn, original: bytes) -> bytes:
    """Return *original* with a byte changed, put in, or taken out, or with its end cut or lengthened."""
    place = draw(st.integers(0, max(len(original) - 1, 0)))
    byte = draw(st.binary(min_size=1, max_size=1))
    way = draw(st.sampled_from(["change", "insert", "remove", "cut", "append"]))
    return {
        "change": original[:place] + byte + original[place + 1 :],
        "insert": original[:place] + byte + original[place:],
        "remove": original[:place] + original[place + 1 :],
        "cut": original[:place],
        "append": original + draw(st.binary(min_size=1, max_size=8)),
    }[way]


def with_header(delivery: Delivery, name: str, value: str) -> Delivery:
    """Return *delivery* with one header of another value."""
    return replace(delivery, headers={**delivery.headers, name: value})


@pytest.mark.parametrize("name", SENDERS)
def test_what_the_platform_signed_is_taken(name: str) -> None:
    """An honest request passes, or the others would prove nothing."""
    assert accepted(SENDERS[name], SENDERS[name].delivery())


@EXAMPLES
@given(name=EACH, body=st.binary(max_size=200), secret=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_body_and_secret_may_be_signed(name: str, body: bytes, secret: str) -> None:
    """What is in the body does not matter to the proof, not even whether it is text; a secret may be any text."""
    sender = SENDERS[name]
    if sender.kind == "standard_webhooks":  # its secrets are base64, and it signs text
        secret, body = SECRET, body.hex().encode()
    if sender.kind == "jotform":  # an address is written in ASCII
        secret = secret.encode().hex()

    assert accepted(sender, sender.delivery(body, secret=secret), secret)


@EXAMPLES
@given(name=st.sampled_from(sorted(BOUND)), data=st.data())
def test_a_changed_body_is_refused(name: str, data: st.DataObject) -> None:
    """The signature covers every byte of the body."""
    sender = BOUND[name]
    body = data.draw(changed(sender.body).filter(lambda other: other != sender.body))

    assert not accepted(sender, replace(sender.delivery(), body=body))


@EXAMPLES
@given(name=st.sampled_from(sorted(SIGNED)), data=st.data())
def test_a_changed_header_is_refused(name: str, data: st.DataObject) -> None:
    """Signature, time, id and version: no other spelling of any of them passes."""
    sender = SIGNED[name]
    delivery = sender.delivery()
    header = data.draw(st.sampled_from(sender.signature))
    original = delivery.headers[header].encode()
    other = data.draw(changed(original).filter(lambda value: value.strip() != original)).decode("latin-1")
    if header.endswith("webhook-signature") and other.startswith(f"{original.decode()} "):
        return  # that header is a list by its standard: a further signature beside the right one is no forgery

    assert not accepted(sender, with_header(delivery, header, other))


@EXAMPLES
@given(name=st.sampled_from(sorted(SIGNED)), data=st.data())
def test_a_missing_header_is_refused(name: str, data: st.DataObject) -> None:
    """Without one of the headers nothing is proven; HubSpot's version alone may be absent."""
    sender = SIGNED[name]
    delivery = sender.delivery()
    header = data.draw(st.sampled_from([one for one in sender.signature if one != "x-hubspot-signature-version"]))
    headers = {key: value for key, value in delivery.headers.items() if key != header}

    assert not accepted(sender, replace(delivery, headers=headers))


@EXAMPLES
@given(name=EACH, secret=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=4, max_size=40))
def test_another_secret_is_refused(name: str, secret: str) -> None:
    """Who knows another secret is somebody else."""
    sender = SENDERS[name]
    if secret == SECRET:
        return
    delivery = sender.delivery()
    try:
        assert not accepted(sender, delivery, secret)
    except KeyUnusable:
        assert sender.kind == "standard_webhooks"


@EXAMPLES
@given(name=st.sampled_from(sorted(TIMED)), away=st.integers(-600, 600))
def test_a_signed_time_holds_for_the_window(name: str, away: int) -> None:
    """A request that was recorded cannot be sent again later; a clock that is a little off does no harm."""
    sender = TIMED[name]
    delivery = sender.delivery(signed_at=NOW - timedelta(seconds=away))

    assert accepted(sender, delivery) == (abs(away) <= WINDOW.total_seconds())


@EXAMPLES
@given(
    name=EACH,
    headers=st.dictionaries(
        st.sampled_from(sorted({h for s in SENDERS.values() for h in s.signature})), st.text(max_size=120)
    ),
    body=st.binary(max_size=120),
)
def test_whatever_comes_is_answered_and_not_taken(name: str, headers: Mapping[str, str], body: bytes) -> None:
    """A stranger's headers end in a refusal, never in another error."""
    sender = SENDERS[name]

    assert not accepted(sender, Delivery("POST", "https://router.example/x?a=b", headers, body, NOW))


def test_hubspots_newest_signature_is_the_one_that_counts() -> None:
    """An older signature beside a wrong v3 does not save the request: it would outlive the window."""
    old, new = SENDERS["hubspot v2"].delivery(), SENDERS["hubspot v3"].delivery()
    both = replace(new, headers={**old.headers, **new.headers})
    forged = with_header(both, "x-hubspot-signature-v3", "A" * 44)

    assert accepted(SENDERS["hubspot v3"], both)
    assert not accepted(SENDERS["hubspot v3"], forged)


def test_jotforms_address_holds_one_secret() -> None:
    """Nobody tries many secrets in one address."""
    sender = SENDERS["jotform"]
    delivery = sender.delivery()

    assert not accepted(sender, replace(delivery, url=delivery.url.partition("?")[0]))
    assert not accepted(sender, replace(delivery, url=f"{delivery.url}&secret=another"))
    assert not accepted(sender, replace(delivery, url=delivery.url.replace("secret=", "secret=x")))


def test_a_secret_that_is_none_is_the_operators_problem() -> None:
    """A Standard Webhooks secret that is no base64 is no fault of the sender's."""
    sender = SENDERS["standard webhooks"]
    with pytest.raises(KeyUnusable, match="whsec_"):
        PLATFORMS[sender.kind].verify(sender.delivery(), Key("whsec_a"))


@pytest.mark.parametrize("name", TIMED)
def test_a_time_written_otherwise_is_another_header(name: str) -> None:
    """A leading zero or a plus sign names the same second and was not signed."""
    sender = TIMED[name]
    delivery = sender.delivery()
    for header in sender.signed_time:
        value = delivery.headers[header]
        for other in (value.replace("t=", "t=0") if "t=" in value else f"0{value}", f"+{value}", f" {value}"):
            assert not accepted(sender, with_header(delivery, header, other)), other


def test_hubspot_signs_some_characters_of_an_address_decoded() -> None:
    """A query with a colon, a slash or an at sign in it arrives encoded, and v3 signs what it stands for."""
    sender = SENDERS["hubspot v3"]
    plain = replace(sender, url=f"{sender.url}?to=a:b/c@d&keep=%20").delivery()
    encoded = replace(plain, url=f"{sender.url}?to=a%3Ab%2Fc%40d&keep=%20")

    assert accepted(sender, plain)
    assert accepted(sender, encoded)
    assert not accepted(sender, replace(plain, url=f"{sender.url}?to=a:b/c@e&keep=%20"))
