"""Dead letters read back: the record in one is given back as it was, and whose it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

import pytest

from router.domain.identity import identify
from router.events.envelope import MAX_KEPT_KEY_BYTES, REPLAYED_FROM, dead_letter
from router.pipeline.letters import Letter, Wanted, letter_of, original
from router.pipeline.persons import leads_in
from router.ports import Outgoing, Received
from tests.fakes import MONDAY

KEY = b"key"
ANA = identify("ana@acme.example", None, None, KEY)
NUMBER = identify(None, "+47 555 01 234", None, KEY)
assert ANA is not None
assert NUMBER is not None


def refused(
    value: bytes | None,
    topic: str = "form-submissions",
    key: bytes | None = None,
    headers: Mapping[str, bytes] | None = None,
) -> Letter:
    """Return the letter of a record, read back."""
    record = Received(topic, 3, 120, key, value, headers or {}, MONDAY)
    letter = letter_of(received(dead_letter(record, "schema", "no", MONDAY, "default", f"eu.{topic}")), "default")
    assert letter is not None
    return letter


def received(record: Outgoing) -> Received:
    """Return a record as the log gives it."""
    return Received(record.topic, 0, 1, record.key, record.value, record.headers, MONDAY)


@pytest.mark.parametrize("key", [None, b"", b"\xff\x00k"])
@pytest.mark.parametrize("value", [b"{", b"\x00\xff", b'{"a":1}'])
def test_the_record_comes_back_as_it_was(key: bytes | None, value: bytes) -> None:
    """Value, key and headers, with one header more that names the letter; that of an earlier replay gives way."""
    letter = refused(value, key=key, headers={"x-from": b"a form", REPLAYED_FROM: b"an older letter"})

    record = original(letter, "eu.")

    headers = {"x-from": b"a form", REPLAYED_FROM: letter.id.encode()}
    assert record == Outgoing("form-submissions", key, value, headers)
    assert letter.place == "eu.form-submissions/3/120"


def test_what_cannot_be_sent_again() -> None:
    """A letter without its value, of another prefix, or of no known topic is left, with the reason; a long key too."""
    assert "not kept" in str(original(refused(None), "eu."))
    assert "ROUTER_TOPIC_PREFIX" in str(original(refused(b"{"), "us."))
    assert "ROUTER_TOPIC_PREFIX" in str(original(refused(b"{", topic="somebody-elses"), "eu."))
    assert refused(b"{", key=b"k" * (MAX_KEPT_KEY_BYTES + 1)).key is None


def test_which_are_meant() -> None:
    """All that is asked for must hold; a topic goes by its full name or without the prefix."""
    letter = refused(b"{")

    def meant(**more: object) -> bool:
        return replace(Wanted(), **more).includes(letter, "eu.")  # type: ignore[arg-type]  # as a test wants

    assert meant()
    assert meant(topic="form-submissions", code="schema", since=MONDAY, places=("eu.form-submissions/3/120",))
    assert meant(topic="eu.form-submissions")
    assert not meant(topic="rep-actions")
    assert not meant(code="too_large")
    assert not meant(since=MONDAY.replace(year=2027))
    assert not meant(places=("eu.form-submissions/3/121",))


def test_a_letter_of_another_workspace_is_none() -> None:
    """Two workspaces may share a prefix."""
    record = received(
        dead_letter(received(Outgoing("rep-actions", None, b"{")), "schema", "no", MONDAY, "w", "rep-actions")
    )

    assert letter_of(record, "default") is None


@pytest.mark.parametrize(
    ("value", "leads"),
    [
        (b'{"email": "Ana@ACME.example ", "phone": "5"}', {ANA.lead_id}),
        (b'{"email": 7, "phone": "55501234", "country": "NO"}', {NUMBER.lead_id}),
        (b'{"lead_id": "ld_1", "email": null}', {"ld_1"}),
        (b'{"specversion": "1.0", "data": {"email": "ana@acme.example"}}', {ANA.lead_id}),
        (b'{"data_base64": "%s"}' % base64.b64encode(b'{"email":"ana@acme.example"}'), {ANA.lead_id}),
        (b'{"value_base64": "%s"}' % base64.b64encode(b'{"data":{"email":"ana@acme.example"}}'), {ANA.lead_id}),
        (b'{"email": "ana@acme.example', set()),
        (b'["ana@acme.example"]', set()),
        (None, set()),
    ],
)  # fmt: skip
def test_whose_a_record_is(value: bytes | None, leads: set[str]) -> None:
    """By what it names them with, also inside a structured event or a dead letter; what cannot be read is nobody's."""
    assert leads_in(Received("form-submissions", 0, 1, None, value, {}, MONDAY), KEY) == leads
